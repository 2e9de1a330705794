// `open`: a link that signs a browser in at the web page, and the browser where there is one.
// The link is a secret for as long as it lives: it stands on standard output and in a file of the caller's own, never in the
// arguments of a program, which everybody on the machine can read.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "cli/commands/commands.h"
#include "cli/printer.h"
#include "client/text.h"
#include "core/error.h"

extern char** environ;

namespace muster::cli {

namespace {

using client::join_text;
using client::Json;

constexpr const char* kStarter = "xdg-open";

// A page that leads to `url`, readable by the caller alone; empty when it cannot be written.
std::string write_leading_page(const std::string& folder, const std::string& url) {
  const std::string path = join_text(folder, "/muster-open.html");
  unlink(path.c_str());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return {};
  // The link is made of letters, digits and signs that mean nothing in HTML.
  const std::string text =
      join_text("<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=\"0;url=", url,
                "\"><title>Muster</title>\n");
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written ? path : std::string();
}

// Starts the desktop's own opener and waits for it: it ends as soon as it has told the browser.
bool start_browser(const std::string& path) {
  std::string program = kStarter;
  std::string argument = path;
  const std::array<char*, 3> words = {program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawnp(&child, kStarter, &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return false;
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Open final : public CommandBody {
 public:
  void declare(Options& options) override {
    options.duration_us("--ttl", ttl_us_, "how long the link is good (default 2m, at most 1h)");
    options.flag("--no-browser", no_browser_, "print the link and start nothing");
    declare_output(options, output_, OutputKind::action);
  }

  Result<int> run(Session& session) override {
    const Result<OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const Result<client::Api*> api = session.api();
    if (!api) return std::unexpected(api.error());
    const auto made = (*api)->link(ttl_us_.value_or(120'000'000));
    if (!made) return std::unexpected(made.error());
    const Json link = made->root();
    const client::Address& address = (*api)->endpoint().address;
    const std::string url = join_text(address.text(), link["path"].text());
    if (print_action(session, *choice, link, url)) return 0;
    session.out().line(url);
    session.out().flush();
    const bool started = !no_browser_ && open_browser(session, url);
    session.note(join_text(started ? "the browser opens it; it" : "it", " signs one browser in, once, until ",
                           link["expires"].text()));
    if (!address.pin.empty())
      session.note(
          "the browser will not know the server's own certificate: compare what it shows, then go on");
    return 0;
  }

 private:
  // Only where a desktop says that it is there, with a folder that is nobody else's.
  static bool open_browser(const Session& session, const std::string& url) {
    const client::Environment& environment = session.environment();
    if (!environment("DISPLAY") && !environment("WAYLAND_DISPLAY")) return false;
    const std::optional<std::string> folder = environment("XDG_RUNTIME_DIR");
    if (!folder) return false;
    const std::string page = write_leading_page(*folder, url);
    return !page.empty() && start_browser(page);
  }

  std::optional<std::int64_t> ttl_us_;
  bool no_browser_ = false;
  OutputOptions output_;
};

}  // namespace

const Command kOpenCommand = {"open",
                              CommandSection::start,
                              CommonOptions::connection,
                              "[options]",
                              "sign in at the web page: a link for one browser, opened where there is one",
                              "muster open\n"
                              "muster open --no-browser          # print the link only\n",
                              &make_body<Open>};

}  // namespace muster::cli
