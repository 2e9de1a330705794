// For tests: a folder of their own that goes away, and small disks that fill up.
// Nothing is left behind, whatever a test does.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "blobs/file.h"
#include "core/check.h"

namespace muster::blobs {

class TestFolder {
 public:
  TestFolder() : path_((std::filesystem::temp_directory_path() / "muster-test-XXXXXX").string()) {
    MUSTER_CHECK(::mkdtemp(path_.data()) != nullptr, "a test can make a folder");
    file_ = File(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  int get() const { return file_.get(); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  File file_;
};

// A disk of so many KiB at a folder of its own; not there() without the right to mount.
class SmallDisk {
 public:
  explicit SmallDisk(int kib) {
    const std::string options = "size=" + std::to_string(kib) + "k,mode=0700";
    mounted_ = ::mount("muster-test", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool there() const { return mounted_; }
  const std::string& path() const { return folder_.path(); }
  // Takes all the room that is left, and gives it back.
  void fill() const {
    const File file(::open((path() + "/ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const std::string block(4096, 'b');
    while (::write(file.get(), block.data(), block.size()) > 0) {
    }
  }
  void make_room() const { ::unlink((path() + "/ballast").c_str()); }

 private:
  TestFolder folder_;
  bool mounted_ = false;
};

}  // namespace muster::blobs
