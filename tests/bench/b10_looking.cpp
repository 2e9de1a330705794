// B10: looking at a million tasks and a thousand workers, inside the server: status, a page, filtered pages, explain.
// The front and the engine without sockets, over the store in memory; each figure is the median of 25 requests.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "../contract/front_world.h"

namespace muster {
namespace {

constexpr std::uint64_t kTasks = 1'000'000;
constexpr std::uint64_t kFinished = 50'000;  // a hundredth of them failed
constexpr std::uint64_t kWorkers = 1000;
constexpr int kRounds = 25;

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class Looking {
 public:
  Looking() : directory_(world_.store_), front_(world_, tokens_, directory_, vault_, {}) {
    Changes rows = directory_.first_rows("ada", 1);
    world_.store_.commit(rows);
    front::TokenWish wish;
    wish.kind = front::TokenKind::user;
    wish.owner = "ada";
    const front::MintedToken minted = tokens_.mint(wish, 1);
    token_ = minted.text;
    world_.front_ = &front_;
  }

  void prepare() {
    submit(2000);
    world_.connect(512);
    std::uint64_t done = 0;
    while (done < kFinished && !world_.granted.empty()) {
      const AttemptRef attempt = world_.granted.back();
      world_.granted.pop_back();
      world_.end(attempt, ++done % 100 == 0 ? 137 : 0);
    }
    for (std::uint64_t i = 2; i <= kWorkers; ++i) {
      AgentConnected connected;
      connected.session = i;
      connected.hello.worker_name = "w" + std::to_string(i);
      connected.hello.spool_id = "spool" + std::to_string(i);
      connected.hello.facts.boot_id = "boot";
      connected.hello.facts.capacity = {8, 0, 8, 1000 + i % 64, 1 << 20};
      world_.turn(connected);
    }
    submit(900'000);
  }

  void measure(const char* name, const std::string& target, double goal_ms) {
    std::vector<double> times;
    for (int round = 0; round < kRounds; ++round) {
      // A turn between two looks, so that nothing is answered from a cache that lives for one turn.
      world_.turn(Tick{});
      const double before = cpu_ms();
      const int status = get(target);
      times.push_back(cpu_ms() - before);
      if (status != 200) std::printf("%s answered %d\n", target.c_str(), status);
    }
    std::sort(times.begin(), times.end());
    const double middle = times[times.size() / 2];
    std::printf("B10.%s %.3f ms (goal %.0f ms, %.2f)\n", name, middle, goal_ms, middle / goal_ms);
  }

 private:
  void submit(std::uint64_t mem_mb) {
    Submit input;
    input.request = 1;
    input.principal.user = "ada";
    auto body = std::make_shared<TaskTemplate>();
    body->name = "t";
    body->command = *compile_command({"true"}, std::nullopt, {}, ItemSource::none);
    body->cwd = "/";
    body->resources.mem_mb = mem_mb;
    input.body = body;
    input.series = {{1, kTasks, 1}};
    world_.turn(input);
  }

  int get(const std::string& target) {
    front::RequestHead head;
    head.method = front::Method::get;
    head.target = "/api/v1/" + target;
    head.fields = {{"host", "127.0.0.1"}, {"authorization", "Bearer " + token_}};
    front::Admission admission = front_.admit(head, "127.0.0.1");
    if (admission.refusal) return admission.refusal->status;
    int status = 0;
    front_.handle(head, admission, "", [&](front::Response response) { status = response.status; });
    while (status == 0) front_.tick();
    return status;
  }

  test::FrontWorld world_;
  front::Tokens tokens_{{}};
  front::Directory directory_;
  front::Vault vault_{world_.store_, [](front::KeyWish) { return std::string(front::kServerKeyBytes, 'k'); }};
  front::Front front_;
  std::string token_;
};

void run() {
  Looking looking;
  looking.prepare();
  looking.measure("status", "status", 5);
  looking.measure("page", "tasks?selector=1&limit=100", 5);
  looking.measure("page_failed", "tasks?selector=1&limit=100&where=state%3Dfailed%20exit%3D137", 5);
  looking.measure("page_rare", "tasks?selector=1&limit=100&where=exit%3D137%20index%3D40000%2B", 20);
  looking.measure("page_none", "tasks?selector=1&limit=100&where=name%3Dother", 5);
  looking.measure("explain_task", "explain?selector=2.500000", 20);
  looking.measure("explain_batch", "explain?selector=2", 20);
  looking.measure("explain_worker", "explain?worker=w7", 20);
}

}  // namespace
}  // namespace muster

int main() { muster::run(); }
