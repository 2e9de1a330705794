// initdb and pg_ctl as any user, through runuser for root, which PostgreSQL refuses.
// Must hold: durability is on, as in what is tested.
#include "postgres_fixture.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "store_fixtures.h"

extern char** environ;

namespace muster::store {

namespace {

// The newest that is installed; Debian keeps the programs out of PATH.
std::string find_programs() {
  std::string found;
  int newest = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && access((entry.path() / "bin/initdb").c_str(), X_OK) == 0) {
      newest = version;
      found = entry.path() / "bin";
    }
  }
  return found;
}

}  // namespace

PrivatePostgres& PrivatePostgres::instance() {
  static PrivatePostgres one;
  return one;
}

PrivatePostgres::PrivatePostgres() {
  programs_ = find_programs();
  if (programs_.empty()) {
    why_missing_ = "PostgreSQL is not installed (./dev test --all installs it)";
    return;
  }
  folder_ = std::make_unique<TemporaryFolder>();
  if (getuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr || chown(folder_->path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      why_missing_ = "there is no user postgres";
      return;
    }
  }
  const std::string data = folder_->path() + "/data";
  if (!run({"/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"}) ||
      !start()) {
    why_missing_ = "PostgreSQL is there but does not start; see " + folder_->path();
  }
}

PrivatePostgres::~PrivatePostgres() {
  if (why_missing_.empty())
    run({"/pg_ctl", "-D", folder_->path() + "/data", "-m", "immediate", "-w", "stop"});
}

bool PrivatePostgres::start() {
  const std::string options = "-c listen_addresses='' -c unix_socket_directories='" + folder_->path() +
                              "' -c shared_buffers=128MB -c max_connections=50";
  return run({"/pg_ctl", "-D", folder_->path() + "/data", "-w", "-o", options, "-l", folder_->path() + "/log",
              "start"});
}

bool PrivatePostgres::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words;
  if (getuid() == 0) words = {"/usr/sbin/runuser", "-u", "postgres", "--"};
  words.push_back(programs_ + arguments.front());
  words.insert(words.end(), arguments.begin() + 1, arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int descriptor : {0, 1, 2}) {
    posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0);
  }
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return failed == 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

std::string PrivatePostgres::url() const {
  std::string host;
  for (const char c : folder_->path()) host += c == '/' ? "%2F" : std::string(1, c);
  return "postgres://postgres@" + host + "/postgres";
}

std::string PrivatePostgres::ask(const std::string& sql) {
  PGconn* connection = PQconnectdb(url().c_str());
  PGresult* answer = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(answer);
  const std::string value = PQntuples(answer) > 0 ? PQgetvalue(answer, 0, 0) : "";
  const std::string error = PQerrorMessage(connection);
  PQclear(answer);
  PQfinish(connection);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw std::runtime_error(error);
  return value;
}

void PrivatePostgres::drop(const std::string& schema) {
  ask("SET client_min_messages = error; DROP SCHEMA IF EXISTS " + schema + " CASCADE");
}

void PrivatePostgres::crash() {
  run({"/pg_ctl", "-D", folder_->path() + "/data", "-m", "immediate", "-w", "stop"});
}

void PrivatePostgres::restart() {
  if (!start()) throw std::runtime_error("PostgreSQL does not start again");
}

}  // namespace muster::store
