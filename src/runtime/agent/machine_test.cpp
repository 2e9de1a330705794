// Facts of a machine, read from made-up files: plain, in a container of either kind, limited from above.
// The numbers of the real machine are only asked to be sensible.
#include "runtime/agent/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace muster::runtime {
namespace {

namespace fs = std::filesystem;

class MachineTest : public testing::Test {
 protected:
  MachineTest() {
    std::string pattern = (fs::temp_directory_path() / "muster-machine-XXXXXX").string();
    sources.root = mkdtemp(pattern.data());
    write("/proc/meminfo", "MemTotal:       16384000 kB\nMemFree:        1 kB\n");
  }
  ~MachineTest() override { fs::remove_all(sources.root); }
  void write(const std::string& path, const std::string& text) {
    const fs::path full = sources.root + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  MachineSources sources;
};

TEST_F(MachineTest, without_groups_the_kernel_is_believed) {
  EXPECT_EQ(usable_memory_mb(sources), 16000U);
  EXPECT_GE(usable_cores(sources), 1U);
}

TEST_F(MachineTest, version_2_limits_count_at_every_level) {
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  write("/sys/fs/cgroup/a/memory.max", "1073741824\n");
  write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_memory_mb(sources), 1024U);
  const std::uint32_t cores = usable_cores(sources);
  write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(usable_cores(sources), 1U) << "of " << cores;
}

TEST_F(MachineTest, version_1_in_a_container_is_found_through_its_mount_root) {
  write("/proc/self/cgroup", "4:memory:/docker/x/inner\n3:cpu,cpuacct:/docker/x\n");
  write("/proc/self/mountinfo",
        "31 23 0:27 /docker/x /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
        "32 23 0:28 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  write("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_memory_mb(sources), 512U);
  EXPECT_EQ(usable_cores(sources), 1U) << "half a core is still one slot";
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_GE(usable_cores(sources), 1U);
}

TEST_F(MachineTest, a_boot_id_is_needed_and_may_come_from_another_file) {
  sources.boot_id_file = sources.root + "/boot";
  const auto missing = read_boot_id(sources);
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().next.find("--boot-id-file"), std::string::npos);
  write("/boot", "b-17\n");
  EXPECT_EQ(read_boot_id(sources).value(), "b-17");
}

TEST_F(MachineTest, declared_slots_replace_discovered_ones) {
  sources.boot_id_file = sources.root + "/boot";
  write("/boot", "b-17\n");
  auto facts = discover_facts(sources, sources.root, {}, {"A100", "A100"});
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->capacity.cpu_slots, facts->capacity.cpus);
  EXPECT_EQ(facts->capacity.gpu_slots, 2U);
  EXPECT_GT(facts->capacity.disk_mb, 0U);
  EXPECT_EQ(facts->process_id, getpid());
  facts = discover_facts(sources, sources.root, {7, 3}, {});
  EXPECT_EQ(facts->capacity.cpu_slots, 7U);
  EXPECT_EQ(facts->capacity.gpu_slots, 3U);
}

TEST_F(MachineTest, reads_what_nvidia_smi_prints) {
  EXPECT_EQ(parse_gpu_names("NVIDIA A100-SXM4-40GB\r\nTesla T4\n\n"),
            (std::vector<std::string>{"NVIDIA A100-SXM4-40GB", "Tesla T4"}));
  EXPECT_TRUE(parse_gpu_names("").empty());
}

TEST(Machine, the_real_one_is_sensible) {
  const MachineSources real;
  EXPECT_GE(usable_cores(real), 1U);
  EXPECT_GT(usable_memory_mb(real), 64U);
  EXPECT_EQ(read_boot_id(real).value().size(), 36U);
}

}  // namespace
}  // namespace muster::runtime
