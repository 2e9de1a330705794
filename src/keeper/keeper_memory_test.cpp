// Memory limits: by the kernel's groups where they can be made, by watching where not; what is left behind is removed.
// `tail` of endless zeros is the glutton: it keeps its last line, and there is only one.
#include <gtest/gtest.h>

#include <filesystem>

#include "keeper/keeper_test_client.h"
#include "keeper/memory_limits.h"

namespace muster::keeper {
namespace {

KeeperStart glutton(std::uint64_t index, std::uint64_t mem_mb) {
  KeeperStart start = start_of(index, {"tail", "/dev/zero"});
  start.mem_mb = mem_mb;
  return start;
}

std::vector<std::string> keeper_groups() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(find_memory_hierarchy().folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("muster-keeper-")) names.push_back(name);
  }
  return names;
}
bool has_groups_of(pid_t keeper) {
  for (const std::string& name : keeper_groups()) {
    if (name.starts_with("muster-keeper-" + std::to_string(keeper) + "-")) return true;
  }
  return false;
}

class KeeperMemory : public ::testing::Test, protected KeeperSetup {
 protected:
  void SetUp() override {
    if (find_memory_hierarchy().by == LimitBy::watching)
      GTEST_SKIP() << "needs a memory cgroup that may be written";
  }
};

TEST_F(KeeperMemory, TheKernelEndsWhatTakesTooMuch) {
  const KeeperEnd end = run(glutton(1, 32));
  EXPECT_EQ(end.by, EndedBy::memory_limit);
  EXPECT_EQ(end.kind, EndKind::signalled);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.message, "");
  EXPECT_GE(end.usage.peak_memory_bytes, 30U << 20);
  EXPECT_LE(end.usage.peak_memory_bytes, 40U << 20);
}

TEST_F(KeeperMemory, AChildThatTakesTooMuchCountsUnlessAllIsWell) {
  KeeperStart start = start_of(1, {"sh", "-c", "tail /dev/zero; exit 3"});
  start.mem_mb = 32;
  KeeperEnd end = run(start);
  EXPECT_EQ(end.by, EndedBy::memory_limit);
  start = start_of(2, {"sh", "-c", "tail /dev/zero || true"});
  start.mem_mb = 32;
  end = run(start);
  // Where the kernel kills whole groups, nothing was left to say that all is well.
  EXPECT_EQ(end.by, end.kind == EndKind::exited ? EndedBy::itself : EndedBy::memory_limit);
}

TEST_F(KeeperMemory, WhatStaysWithinIsLeftAlone) {
  KeeperStart start = start_of(1, {"sh", "-c", "head -c 20000000 /dev/zero | tail -c 20000000 | wc -c"});
  start.mem_mb = 200;
  const KeeperEnd end = run(start);
  EXPECT_EQ(end.by, EndedBy::itself);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(logged(1, blobs::Stream::out), "20000000\n");
}

TEST_F(KeeperMemory, EvenASessionOfItsOwnStaysInTheGroup) {
  const std::string born = make_fifo("born");
  KeeperStart start = start_of(
      1, {"sh", "-c",
          "env -i /usr/bin/setsid /bin/sh -c 'echo $$ >" + born + "; exec /bin/sleep 1000' & cat " + born});
  start.mem_mb = 100;
  begin_shell(2, "sleep 1000");  // so that the nameless one is not swept for another reason
  EXPECT_EQ(run(start).exit_code, 0);
  EXPECT_TRUE(wait_until_dead(std::stoi(logged(1, blobs::Stream::out))));
}

TEST_F(KeeperMemory, GroupsGoWithTheirTasksAndKeepers) {
  const pid_t process = keeper.process();
  run(glutton(1, 32));
  EXPECT_TRUE(has_groups_of(process));
  const pid_t left = begin([&] {
    KeeperStart start = start_of(2, {"sh", "-c", "sleep 1000 & sleep 1000"});
    start.mem_mb = 100;
    return start;
  }());
  keeper.signal(SIGKILL);
  keeper.wait();
  EXPECT_TRUE(wait_until_dead(left));
  EXPECT_TRUE(has_groups_of(process));
  // The next keeper, wherever its folder is, kills what is in there. It may take another one to remove the empty group.
  for (int round = 0; round < 50 && has_groups_of(process); ++round) const KeeperSetup next;
  EXPECT_FALSE(has_groups_of(process));
}

TEST(KeeperMemoryWatched, WhatTakesTooMuchIsKilled) {
  const blobs::TestFolder folder;
  KeeperOptions options = KeeperSetup::options_in(folder.path());
  options.memory = MemoryBy::watching;
  const TestKeeper keeper(options);
  TestClient client(folder.path());
  KeeperRequest request;
  KeeperStart family = start_of(2, {"sh", "-c", "setsid tail /dev/zero; exit 1"});
  family.mem_mb = 64;
  KeeperStart modest = start_of(3, {"sh", "-c", "head -c 10000000 /dev/zero | tail -c 10000000 | wc -c"});
  modest.mem_mb = 500;
  request.starts = {glutton(1, 64), family, modest};
  client.send(request);
  ASSERT_TRUE(client.until_ended(3));
  for (const std::uint64_t index : {1, 2}) {
    const KeeperEnd& end = client.ends[(AttemptRef{7, index, 1, 1})];
    EXPECT_EQ(end.by, EndedBy::memory_limit) << index;
    EXPECT_EQ(end.signal, SIGKILL);
    EXPECT_GT(end.usage.peak_memory_bytes, 64U << 20);
  }
  EXPECT_EQ(client.ends[(AttemptRef{7, 3, 1, 1})].exit_code, 0);
}

}  // namespace
}  // namespace muster::keeper
