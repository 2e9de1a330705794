// `top`: the front page, live, over the event stream; `--once` prints one frame for a pipe or a question to somebody.
// What the stream tells is put in the place of what was known; on `resync` everything is read anew.
#include <algorithm>
#include <deque>
#include <map>

#include "cli/commands/commands.h"
#include "cli/following.h"
#include "cli/live_screen.h"
#include "cli/overview.h"
#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

namespace {

using client::Document;
using client::join_text;
using client::Json;
using client::StreamMessage;

constexpr std::int64_t kFrameEvery_us = 200'000;
constexpr std::int64_t kAttentionEvery_us = 2'000'000;
constexpr std::size_t kEventsKept = 12;
constexpr std::size_t kBatchesShown = 20;

bool is_over(std::string_view state) {
  return state == "succeeded" || state == "ended" || state == "broken" || state == "cancelled";
}

// Everything that the frame shows, by name.
class Known {
 public:
  Result<void> read(client::Api& api) {
    Result<Document> status = api.status();
    if (!status) return std::unexpected(status.error());
    client::ListQuery query;
    query.limit = 1000;
    const Result<Document> workers = api.workers(query);
    if (!workers) return std::unexpected(workers.error());
    query.limit = kEventsKept;
    const Result<Document> events = api.events(query);
    if (!events) return std::unexpected(events.error());
    batches_.clear();
    workers_.clear();
    events_.clear();
    const Json root = status->root();
    title_ = join_text("muster ", root["url"].text(), "  version ", root["version"].text());
    for (std::size_t i = 0; i < root["batches"].size(); ++i) add_batch(root["batches"].at(i).serialize());
    const std::uint64_t shown = root["batches"].size();
    more_batches_ = root["batches_live"].number() > shown ? root["batches_live"].number() - shown : 0;
    const Json items = workers->root()["items"];
    for (std::size_t i = 0; i < items.size(); ++i) add_worker(items.at(i).serialize());
    const Json facts = events->root()["items"];
    for (std::size_t i = facts.size(); i-- > 0;) add_event(facts.at(i).serialize());
    keep_attention(root);
    return {};
  }

  // What needs a person is judged by the server: asked when something has changed, and not more than every two seconds.
  void read_attention(client::Api& api) {
    const std::int64_t now = client::mono_now_us();
    if (!attention_old_ || now - attention_mono_us_ < kAttentionEvery_us) return;
    attention_mono_us_ = now;
    attention_old_ = false;
    if (const Result<Document> status = api.status()) keep_attention(status->root());
  }

  // True when everything has to be read anew.
  bool take(const StreamMessage& message) {
    attention_old_ = attention_old_ || message.kind == "batch" || message.kind == "worker";
    if (message.kind == "batch") add_batch(message.data);
    if (message.kind == "worker") add_worker(message.data);
    if (message.kind == "event") add_event(message.data);
    return message.kind == "resync";
  }

  // Views into what is known; good until the next change.
  OverviewState state() const {
    OverviewState state;
    state.title = title_;
    state.attention = attention_;
    state.more_batches = more_batches_;
    for (auto batch = batches_.rbegin(); batch != batches_.rend() && state.batches.size() < kBatchesShown;
         ++batch)
      state.batches.push_back(batch->second.root());
    for (const auto& [name, worker] : workers_) state.workers.push_back(worker.root());
    for (const Document& event : events_) state.events.push_back(event.root());
    return state;
  }

 private:
  void keep_attention(const Json& status) {
    attention_.clear();
    if (!status["attention"].is_array()) return;
    if (auto list = Document::parse(status["attention"].serialize())) attention_.push_back(std::move(*list));
  }

  void add_batch(std::string text) {
    auto document = Document::parse(std::move(text));
    if (!document) return;
    const std::uint64_t id = document->root()["id"].number();
    if (is_over(document->root()["state"].text())) {
      batches_.erase(id);
    } else {
      batches_.insert_or_assign(id, std::move(*document));
    }
  }

  void add_worker(std::string text) {
    auto document = Document::parse(std::move(text));
    if (!document) return;
    const std::string name(document->root()["name"].text());
    if (document->root()["state"].text() == "removed") {
      workers_.erase(name);
    } else {
      workers_.insert_or_assign(name, std::move(*document));
    }
  }

  void add_event(std::string text) {
    auto document = Document::parse(std::move(text));
    if (!document) return;
    events_.push_front(std::move(*document));
    if (events_.size() > kEventsKept) events_.pop_back();
  }

  std::string title_;
  std::vector<Document> attention_;
  std::map<std::uint64_t, Document> batches_;
  std::map<std::string, Document> workers_;
  std::deque<Document> events_;
  std::uint64_t more_batches_ = 0;
  std::int64_t attention_mono_us_ = 0;
  bool attention_old_ = false;
};

class Top final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.flag("--once", once_, "print one frame and end; also into a pipe");
  }

  Result<int> run(Session& session) override {
    if (!once_ && (!session.out_terminal().is_terminal || !session.can_ask())) {
      return refuse(ErrorKind::usage, kMalformedValue, "top needs a terminal of its own",
                    "one frame for a pipe:  muster top --once");
    }
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    Known known;
    if (auto read = known.read(**api); !read) return std::unexpected(read.error());
    if (!once_) return live(session, known);
    for (const std::string& line :
         overview_frame(known.state(), session.out_terminal(), 0, client::wall_now_us())) {
      session.out().line(line);
    }
    return 0;
  }

 private:
  static Result<int> live(Session& session, Known& known) {
    const Interrupt interrupt;
    std::string link = "live";
    std::optional<Error> failure;
    Result<bool> interrupted = false;
    bool greeted = false;
    {
      LiveScreen screen(session.out());
      draw(session, screen, known, link);
      std::int64_t drawn_mono_us = client::mono_now_us();
      Follower follower;
      follower.away = [&](const Error&) {
        link = "waiting for the server";
        draw(session, screen, known, link);
      };
      follower.back = [&](std::int64_t) { link = "live"; };
      follower.take = [&](const StreamMessage& message) {
        // Between the first reading and the stream something may have happened.
        const bool first = message.kind == "hello" && !std::exchange(greeted, true);
        const bool anew = known.take(message) || first;
        if (anew && !read_anew(session, known, failure)) return false;
        if (const char key = LiveScreen::key(); key == 'q' || key == 'Q') return false;
        if (client::mono_now_us() - drawn_mono_us < kFrameEvery_us) return true;
        if (const Result<client::Api*> api = session.api()) known.read_attention(**api);
        draw(session, screen, known, link);
        drawn_mono_us = client::mono_now_us();
        return true;
      };
      client::EventWish wish;
      wish.pulse_us = kFrameEvery_us;
      interrupted = follow_events(session, wish, interrupt, follower);
    }
    if (!interrupted) return std::unexpected(interrupted.error());
    if (failure) return std::unexpected(*failure);
    return *interrupted ? kInterruptedExit : 0;
  }

  // Away again: the stream will notice it as well, and waits.
  static bool read_anew(Session& session, Known& known, std::optional<Error>& failure) {
    const Result<client::Api*> api = session.connector().api();
    const Result<void> read = api ? known.read(**api) : Result<void>(std::unexpected(api.error()));
    if (read || (api && (*api)->server_was_away())) return true;
    failure = read.error();
    return false;
  }

  static void draw(Session& session, LiveScreen& screen, const Known& known, const std::string& link) {
    Terminal terminal = session.out_terminal();
    const ScreenSize size = LiveScreen::size();
    terminal.width = size.columns;
    OverviewState state = known.state();
    state.link = join_text(link, "   q ends");
    state.live = link == "live";
    screen.draw(overview_frame(state, terminal, size.rows, client::wall_now_us()));
  }

  bool once_ = false;
};

}  // namespace

const Command kTopCommand = {"top",
                             CommandSection::work,
                             CommonOptions::connection,
                             "[options]",
                             "show batches, workers and what happens, live",
                             "muster top\n"
                             "muster top --once | head              # one frame\n",
                             &make_body<Top>};

}  // namespace muster::cli
