// What the failpoints of a program for tests do: note that they were passed, and at the one that is armed end the process, wait, fail
// as a store fails, or cut what leads to the database.
// Linked instead of src/core/failpoint.cpp, so that the program people get has nothing of this.
#include "core/failpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "ports/store.h"

namespace muster {
namespace {

constexpr unsigned kDelay_us = 700'000;
constexpr unsigned kOnItsWay_us = 50'000;  // what was sent is read meanwhile

// The folder that a test gives: `armed` holds a name, how many times it is passed before something happens, and what; it happens to
// whoever removes the file.
struct Plan {
  std::string folder;
  std::string armed;
  unsigned long left = 0;
  std::string action;
  std::map<std::string, unsigned long> passed;

  Plan() {
    const char* given = std::getenv("MUSTER_FAILPOINTS");
    if (given == nullptr) return;
    folder = given;
    std::ifstream(folder + "/armed") >> armed >> left >> action;
  }

  void note(const std::string& name) {
    if (passed[name]++ > 0) return;
    const int hits = open((folder + "/passed").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string line = name + "\n";
    if (hits < 0 || write(hits, line.data(), line.size()) < 0) return;
    close(hits);
  }
};

// Connections of Unix sockets lead to the database, and to nobody else in a server.
void cut() {
  usleep(kOnItsWay_us);
  DIR* open_ones = opendir("/proc/self/fd");
  if (open_ones == nullptr) return;
  for (const dirent* entry = readdir(open_ones); entry != nullptr; entry = readdir(open_ones)) {
    const int number = std::atoi(entry->d_name);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(number, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.ss_family == AF_UNIX)
      shutdown(number, SHUT_RDWR);
  }
  closedir(open_ones);
}

void act(const std::string& action, const std::string& name) {
  if (action == "error") throw StoreUnknown("the failpoint " + name);
  if (action == "delay") usleep(kDelay_us);
  if (action == "cut") cut();
  if (action == "kill") kill(getpid(), SIGKILL);
}

}  // namespace

void failpoint(const char* name) {
  static Plan plan;
  if (plan.folder.empty()) return;
  plan.note(name);
  if (plan.armed != name || plan.left-- > 1) return;
  plan.armed.clear();
  if (unlink((plan.folder + "/armed").c_str()) == 0) act(plan.action, name);
}

}  // namespace muster
