// The keeper as its agent sees it: starting tasks, what they get, why a start fails, the run queue, reports.
// Real processes; every wait is for a report or the end of a process.
#include "keeper/keeper.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>

#include "keeper/keeper_test_client.h"

namespace muster::keeper {
namespace {

using blobs::Stream;

class KeeperTest : public ::testing::Test, protected KeeperSetup {};

TEST_F(KeeperTest, RunsATaskAndKeepsItsOutputApart) {
  const KeeperEnd end = shell(1, "echo out; echo bad >&2; exit 3");
  EXPECT_EQ(end.kind, EndKind::exited);
  EXPECT_EQ(end.by, EndedBy::itself);
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.message, "");
  EXPECT_EQ(end.stdout_bytes, 4U);
  EXPECT_EQ(end.stderr_bytes, 4U);
  EXPECT_GT(end.started_wall_us, 0);
  EXPECT_GE(end.ended_wall_us, end.started_wall_us);
  EXPECT_EQ(logged(1, Stream::out), "out\n");
  EXPECT_EQ(logged(1, Stream::err), "bad\n");
  EXPECT_EQ(shell(2, "kill -SEGV $$").signal, SIGSEGV);
}

TEST_F(KeeperTest, GivesATaskItsOwnSurroundingsAndNoMore) {
  KeeperStart start = start_of(1, {"env"});
  start.environment = {{"PATH", "/usr/bin:/bin"}, {"EMPTY", ""}, {"WORDS", "a b=c"}};
  run(start);
  EXPECT_EQ(logged(1, Stream::out), "PATH=/usr/bin:/bin\nEMPTY=\nWORDS=a b=c\n");
  run(start_of(2, {"ls", "/proc/self/fd"}));
  EXPECT_EQ(logged(2, Stream::out), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
  run(start_of(3, {"readlink", "/proc/self/fd/0"}));
  EXPECT_EQ(logged(3, Stream::out), "/dev/null\n");
  run(start_of(4, {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}));
  EXPECT_EQ(logged(4, Stream::out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  shell(5, "test \"$(cut -d' ' -f5,6 /proc/$$/stat)\" = \"$$ $$\" && pwd");
  EXPECT_EQ(logged(5, Stream::out), "/\n");
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  shell(6, "ulimit -n");
  EXPECT_EQ(logged(6, Stream::out), std::to_string(files.rlim_cur) + "\n");
}

TEST_F(KeeperTest, PassesArgumentsAsTheyAre) {
  run(start_of(1, {"printf", "[%s]", "a b", "", "$HOME", "*", "'\"\\\n"}));
  EXPECT_EQ(logged(1, Stream::out), "[a b][][$HOME][*]['\"\\\n]");
  KeeperStart large = start_of(2, {"sh", "-c", "echo $# ${#1}", "sh"});
  large.arguments.insert(large.arguments.end(), 16, std::string(100'000, 'x'));
  run(large);
  EXPECT_EQ(logged(2, Stream::out), "16 100000\n");
  EXPECT_EQ(shell(3, "echo still here").exit_code, 0);
}

TEST_F(KeeperTest, SaysWhyAStartFailed) {
  const auto failed = [&](std::uint64_t index, std::vector<std::string> arguments,
                          const std::string& cwd = "/") {
    KeeperStart start = start_of(index, std::move(arguments));
    start.cwd = cwd;
    const KeeperEnd end = run(start);
    EXPECT_EQ(end.kind, EndKind::launch_failed) << index;
    EXPECT_EQ(end.by, EndedBy::itself);
    return std::pair(end.launch_errno, end.message);
  };
  using Told = std::pair<int, std::string>;
  EXPECT_EQ(failed(1, {"no-such-thing"}),
            Told(ENOENT, "no such command: no-such-thing (searched PATH=/usr/local/bin:/usr/bin:/bin)"));
  EXPECT_EQ(failed(2, {"/no/such/thing"}), Told(ENOENT, "no such command: /no/such/thing"));
  EXPECT_EQ(failed(3, {"./thing"}, "/usr"), Told(ENOENT, "no such command: ./thing (in /usr)"));
  EXPECT_EQ(failed(4, {"true"}, "/no/such/folder"),
            Told(ENOENT, "cannot enter /no/such/folder: No such file or directory"));
  EXPECT_EQ(failed(5, {"/etc"}), Told(EACCES, "cannot run /etc: Permission denied"));
  std::ofstream(folder.file("plain")) << "text";
  EXPECT_EQ(failed(6, {folder.file("plain")}),
            Told(EACCES, "cannot run " + folder.file("plain") + ": Permission denied"));
  std::ofstream(folder.file("odd")) << "#!/no/interpreter\n";
  ::chmod(folder.file("odd").c_str(), 0700);
  EXPECT_EQ(failed(7, {folder.file("odd")}),
            Told(ENOENT, "cannot run " + folder.file("odd") + ": the interpreter it names is missing"));
  EXPECT_EQ(failed(8, {}), Told(EINVAL, "no command to run"));
  EXPECT_EQ(failed(9, {"echo", std::string("a\0b", 3)}).first, EINVAL);
  EXPECT_EQ(failed(10, {"echo", std::string(200'000, 'x')}),
            Told(E2BIG, "cannot run /usr/bin/echo: 200116 bytes of arguments and environment are too many"));
  EXPECT_EQ(shell(11, "true").kind, EndKind::exited);
}

TEST_F(KeeperTest, RunsScriptsThatNameNoInterpreter) {
  std::ofstream(folder.file("script")) << "echo \"$0 $1\"\n";
  ::chmod(folder.file("script").c_str(), 0700);
  EXPECT_EQ(run(start_of(1, {folder.file("script"), "word"})).exit_code, 0);
  EXPECT_EQ(logged(1, Stream::out), folder.file("script") + " word\n");
}

TEST_F(KeeperTest, SearchesThePathOfTheTask) {
  std::filesystem::create_directories(folder.file("bin/thing"));  // a folder of that name is not it
  std::filesystem::create_directories(folder.file("bin2"));
  std::ofstream(folder.file("bin2/thing")) << "#!/bin/sh\necho found\n";
  ::chmod(folder.file("bin2/thing").c_str(), 0700);
  KeeperStart start = start_of(1, {"thing"});
  start.environment = {{"PATH", folder.file("bin") + ":" + folder.file("bin2")}};
  run(start);
  EXPECT_EQ(logged(1, Stream::out), "found\n");
}

TEST_F(KeeperTest, MakesTheFolderOfAnAttempt) {
  KeeperStart start = start_of(1, {"sh", "-c", "pwd; ls"});
  start.cwd = "";
  start.scratch = folder.file("work/7/1/1");
  EXPECT_EQ(run(start).exit_code, 0);
  EXPECT_EQ(logged(1, Stream::out), start.scratch + "\ninput\noutput\ntmp\n");
  KeeperStart blocked = start_of(2, {"true"});
  std::ofstream(folder.file("in-the-way")) << "x";
  blocked.scratch = folder.file("in-the-way/1");
  const KeeperEnd end = run(blocked);
  EXPECT_EQ(end.kind, EndKind::launch_failed);
  EXPECT_EQ(end.message, "cannot make the folder " + blocked.scratch + ": Not a directory");
}

TEST_F(KeeperTest, TellsWhatATaskUsed) {
  const KeeperEnd end =
      shell(1,
            "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; tail -c 20000000 /dev/zero | head -c 1 & "
            "head -c 30000000 /dev/zero | tail -c 20000000 | wc -c");
  EXPECT_GT(end.usage.user_us, 20'000);
  EXPECT_GE(end.usage.wall_us + 10'000, end.usage.user_us / 2);
  EXPECT_GT(end.usage.peak_memory_bytes, 1U << 20);
  EXPECT_LT(end.usage.peak_memory_bytes, 1U << 30);
}

TEST_F(KeeperTest, AStartThatIsKnownIsIgnored) {
  const std::string fifo = make_fifo("gate");
  const KeeperStart start = start_of(1, {"sh", "-c", "echo x; cat " + fifo});
  begin(start);
  client.start(start);
  write_fifo(fifo);
  ASSERT_TRUE(client.until_ended(1));
  client.start(start);
  const KeeperReport inventory = client.inventory();
  EXPECT_EQ(inventory.ended.size(), 1U);
  EXPECT_TRUE(inventory.started.empty());
  EXPECT_EQ(logged(1, Stream::out), "x\ngo\n");
}

TEST_F(KeeperTest, TheRunQueueIsFirstInFirstOutAndOfAWidth) {
  KeeperRequest request;
  request.run_queue_width = 0;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    KeeperStart start = start_of(i, {"sh", "-c", "echo " + std::to_string(i) + " >>" + folder.file("order")});
    start.when = StartWhen::in_run_queue;
    start.note = "note " + std::to_string(i);
    request.starts.push_back(start);
  }
  client.send(request);
  KeeperReport inventory = client.inventory();
  EXPECT_EQ(inventory.queued.size(), 50U);
  EXPECT_EQ(inventory.queued[0].note, "note " + std::to_string(inventory.queued[0].attempt.index));
  EXPECT_TRUE(inventory.started.empty());
  KeeperRequest wider;
  wider.run_queue_width = 1;
  client.send(wider);
  ASSERT_TRUE(client.until_ended(50));
  std::ifstream order(folder.file("order"));
  for (std::uint64_t i = 1; i <= 50; ++i) {
    std::uint64_t index = 0;
    order >> index;
    EXPECT_EQ(index, i);
  }
}

TEST_F(KeeperTest, AWidthIsNeverPassedAndWhatEndsMakesRoom) {
  KeeperRequest request;
  request.run_queue_width = 3;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    KeeperStart start = start_of(i, {"sleep", "1000"});
    start.when = StartWhen::in_run_queue;
    request.starts.push_back(start);
  }
  client.send(request);
  client.start(start_of(9, {"sleep", "1000"}));  // not of the queue
  KeeperReport inventory = client.inventory();
  EXPECT_EQ(inventory.started.size(), 4U);
  EXPECT_EQ(inventory.queued.size(), 5U);
  client.stop({7, 2, 1, 1}, 0);
  client.stop({7, 8, 1, 1}, 0);
  ASSERT_TRUE(client.until_ended(2));
  EXPECT_EQ(client.ends[(AttemptRef{7, 2, 1, 1})].kind, EndKind::signalled);
  EXPECT_EQ(client.ends[(AttemptRef{7, 8, 1, 1})].kind, EndKind::never_started);
  EXPECT_EQ(client.ends[(AttemptRef{7, 8, 1, 1})].by, EndedBy::stop);
  ASSERT_TRUE(client.until_started({7, 4, 1, 1}));
  inventory = client.inventory();
  EXPECT_EQ(inventory.started.size(), 4U);
  EXPECT_EQ(inventory.queued.size(), 3U);
}

TEST_F(KeeperTest, TenThousandQuickTasksEndOnceEach) {
  constexpr std::uint64_t kCount = 10'000;
  constexpr std::uint64_t kAtATime = 500;
  const std::string echo = make_tiny_echo(folder.file("echo"));
  KeeperRequest width;
  width.run_queue_width = 4;
  client.send(width);
  std::uint64_t sent = 0;
  while (client.ends.size() < kCount) {
    KeeperRequest request;
    while (sent < kCount && sent < client.ends.size() + kAtATime) {
      ++sent;
      KeeperStart start = start_of(sent, {echo, "task " + std::to_string(sent)});
      start.when = StartWhen::in_run_queue;
      request.starts.push_back(start);
    }
    if (!request.starts.empty()) client.send(request);
    ASSERT_TRUE(client.next().has_value());
  }
  for (const auto& [attempt, end] : client.ends) {
    ASSERT_EQ(end.kind, EndKind::exited);
    ASSERT_EQ(end.exit_code, 0);
  }
  EXPECT_LT(client.reports, kCount / 2);
  const auto log = read_log(folder.path());
  ASSERT_EQ(log.size(), kCount);
  for (const auto& [key, stream] : log) ASSERT_EQ(stream.text, "task " + std::to_string(key.first.index));
  // All of it is forgotten at once, and so are the records.
  KeeperRequest forget;
  for (const auto& [attempt, end] : client.ends) forget.forget.push_back(attempt);
  client.send(forget);
  EXPECT_TRUE(client.inventory().ended.empty());
  EXPECT_LT(std::filesystem::file_size(folder.file("exits")), 4U << 20);
  const auto records = read_records(folder.path());
  EXPECT_TRUE(records->started.empty());
  EXPECT_TRUE(records->ended.empty());
}

TEST_F(KeeperTest, ARunningTaskIsTheKernelsChoiceWhenMemoryEnds) {
  const pid_t process = begin_shell(1, "sleep 1000");
  const int own = std::stoi(read_small_file("/proc/self/oom_score_adj"));
  EXPECT_EQ(std::stoi(read_small_file("/proc/" + std::to_string(process) + "/oom_score_adj")),
            std::min(own + 100, 1000));
}

TEST_F(KeeperTest, NamesAProcessForEver) {
  const pid_t process = begin_shell(1, "sleep 1000");
  const KeeperStarted& started = client.started[(AttemptRef{7, 1, 1, 1})];
  EXPECT_EQ(process_stat(process)->start_ticks, started.process_start_ticks);
  EXPECT_EQ(process_stat(process)->session, process);
}

// ---- beginnings

TEST(KeeperBegin, LongPathsAreFine) {
  const blobs::TestFolder folder;
  std::string path = folder.path();
  for (int i = 0; i < 10; ++i) {
    path += "/a-folder-with-a-long-name";
    std::filesystem::create_directory(path);
  }
  const TestKeeper keeper(KeeperSetup::options_in(path));
  EXPECT_EQ(keeper.said(), "ready\n");
  TestClient client(path);
  EXPECT_TRUE(client.inventory().inventory);
}

TEST(KeeperBegin, SaysWhyNot) {
  const blobs::TestFolder folder;
  TestKeeper nowhere(KeeperSetup::options_in(folder.file("none")));
  EXPECT_NE(nowhere.said().find("No such file or directory"), std::string::npos);
  EXPECT_EQ(WEXITSTATUS(nowhere.wait()), 1);
  const TestKeeper first(KeeperSetup::options_in(folder.path()));
  TestKeeper second(KeeperSetup::options_in(folder.path()));
  EXPECT_NE(second.said().find("cannot be the only keeper there"), std::string::npos);
  EXPECT_EQ(WEXITSTATUS(second.wait()), 1);
  TestClient client(folder.path());
  EXPECT_TRUE(client.inventory().inventory);
}

TEST(KeeperBegin, OnlyItsUserMayConnect) {
  const KeeperSetup setup;
  EXPECT_EQ(std::filesystem::status(setup.folder.file("socket")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// This program is the keeper when it is called like one: see KeeperBegin.IsStartedAsAProgram.
TEST(KeeperProgram, Runs) {
  std::vector<std::string> words;
  std::ifstream file("/proc/self/cmdline");
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  KeeperOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--folder") options.folder = words.at(i + 1);
    if (words[i] == "--ready-fd") options.ready_fd = std::stoi(words.at(i + 1));
    if (words[i] == "--detach") options.detach = true;
  }
  if (options.folder.empty()) GTEST_SKIP() << "only called by another test";
  ::_exit(run_keeper(options));
}

TEST(KeeperBegin, IsStartedAsAProgram) {
  const blobs::TestFolder folder;
  const auto identity =
      start_keeper("/proc/self/exe", {"--gtest_filter=KeeperProgram.Runs"}, folder.file("1"), 10'000'000);
  ASSERT_TRUE(identity.has_value()) << identity.error().what;
  EXPECT_TRUE(is_alive(*identity));
  EXPECT_EQ(read_identity(folder.file("1")), *identity);
  const auto process = static_cast<pid_t>(identity->process_id);
  EXPECT_NE(process_stat(process)->parent, ::getpid());
  TestClient client(folder.file("1"));
  client.start(start_of(1, {"true"}));
  ASSERT_TRUE(client.until_ended(1));
  KeeperRequest leave;
  leave.forget = {{7, 1, 1, 1}};
  leave.leave_when_empty = true;
  client.send(leave);
  EXPECT_TRUE(wait_until_dead(process));
  EXPECT_FALSE(is_alive(*identity));
  const auto refused =
      start_keeper("/proc/self/exe", {"--gtest_filter=KeeperProgram.Runs"}, folder.file("no/1"), 10'000'000);
  EXPECT_FALSE(refused.has_value());
  EXPECT_FALSE(connect_keeper(folder.file("1")).has_value());
}

}  // namespace
}  // namespace muster::keeper
