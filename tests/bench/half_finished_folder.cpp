// Makes a data folder as a server leaves it that was killed in the middle of a million tasks; the input of B7.
// Usage: half_finished_folder FOLDER COUNT PROGRAM [ARGUMENT...]: an array of COUNT tasks, the first half of them succeeded.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/command.h"
#include "engine/engine.h"
#include "simulated_agent.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace muster;

Submit array_of(std::uint64_t count, const std::vector<std::string>& words) {
  auto body = std::make_shared<TaskTemplate>();
  body->name = "half-finished";
  body->command = *compile_command(words, std::nullopt, {}, ItemSource::index);
  body->cwd = "/";
  Submit submit;
  submit.request = 1;
  submit.principal.user = "bench";
  submit.body = body;
  submit.series = {{1, count, 1}};
  return submit;
}

// Ends whatever is granted until half of the tasks are done; what is granted then stays on the simulated worker's account,
// is given back by it, and waits for a real one.
void run_half(Store& store, std::uint64_t count, const std::vector<std::string>& words) {
  engine::Engine engine;
  Now now{1'000'000, 1'700'000'000'000'000};
  engine.restore(store.load(), now);
  bench::SimulatedAgent agent(1);
  const auto turn = [&](const Input& input) {
    Decision decision = engine.handle(input, now);
    agent.take(decision);
    store.commit(decision.changes);
  };
  turn(agent.connect(512));
  turn(agent.full(now));
  turn(array_of(count, words));
  for (std::uint64_t done = 0; done < count / 2;) {
    now.mono_us += 1000;
    now.wall_us += 1000;
    done += agent.granted();
    turn(agent.message(now));
  }
  AgentSaid given_back = agent.message(now);
  for (Finished& end : given_back.message.finished) end.outcome = AttemptState::refused;
  ShutDown down;
  down.tasks = StopTasks::keep_running;
  turn(down);
  turn(given_back);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto lock = store::FolderLock::take(argv[1]);
  if (!lock) return 1;
  auto opened = store::open_sqlite_store(*lock);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
    return 1;
  }
  run_half(**opened, std::strtoull(argv[2], nullptr, 10), std::vector<std::string>(argv + 3, argv + argc));
  return 0;
}
