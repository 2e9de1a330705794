// The ballast is there while there is room, goes once, and comes back with the room.
// What the disk says is low stays low until it is well above the mark.
#include "store/disk_reserve.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <fstream>

namespace muster::store {
namespace {

class DiskReserves : public testing::Test {
 protected:
  DiskReserves() {
    folder_ = (std::filesystem::temp_directory_path() / "muster-reserve-XXXXXX").string();
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~DiskReserves() override { std::filesystem::remove_all(folder_); }

  // Blocks the file has on disk, not only its length.
  std::uint64_t ballast_bytes() const {
    struct stat found{};
    return stat((folder_ + "/ballast").c_str(), &found) == 0
               ? static_cast<std::uint64_t>(found.st_blocks) * 512
               : 0;
  }
  std::uint64_t free_bytes() const {
    struct statvfs disk{};
    EXPECT_EQ(statvfs(folder_.c_str(), &disk), 0);
    return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  }

  std::string folder_;
  const DiskReserveOptions small_{.ballast_bytes = 1 << 20, .low_bytes = 1 << 20};
};

TEST_F(DiskReserves, ABallastOfRealBlocksIsTaken) {
  DiskReserve reserve(folder_, small_);
  EXPECT_TRUE(reserve.holds_ballast());
  EXPECT_GE(ballast_bytes(), small_.ballast_bytes);
  EXPECT_EQ(reserve.look(), SpaceState::plenty);
}

TEST_F(DiskReserves, ItGoesOnceAndComesBackWhenThereIsRoom) {
  DiskReserve reserve(folder_, small_);
  EXPECT_TRUE(reserve.release());
  EXPECT_EQ(ballast_bytes(), 0u);
  EXPECT_FALSE(reserve.release());
  EXPECT_EQ(reserve.look(), SpaceState::plenty);
  EXPECT_TRUE(reserve.holds_ballast());
  EXPECT_GE(ballast_bytes(), small_.ballast_bytes);
}

TEST_F(DiskReserves, WithoutRoomThereIsNoBallastAndTheStateIsLow) {
  DiskReserve reserve(folder_, {.ballast_bytes = 1 << 20, .low_bytes = 1ULL << 60});
  EXPECT_FALSE(reserve.holds_ballast());
  EXPECT_EQ(ballast_bytes(), 0u);
  EXPECT_EQ(reserve.look(), SpaceState::low);
  EXPECT_FALSE(reserve.release());
}

TEST_F(DiskReserves, AMarkAboveWhatIsFreeIsLowEvenWithTheBallast) {
  {
    const DiskReserve earlier(folder_, small_);
  }
  DiskReserve reserve(folder_, {.ballast_bytes = small_.ballast_bytes, .low_bytes = 1ULL << 60});
  EXPECT_TRUE(reserve.holds_ballast());
  EXPECT_EQ(reserve.look(), SpaceState::low);
}

TEST_F(DiskReserves, LowIsLeftOnlyWellAboveTheMark) {
  // Once low, a quarter more than the mark is wanted: what is free lies between the two here.
  const std::uint64_t between = free_bytes() / 10 * 9;
  DiskReserve never_low(folder_, {.ballast_bytes = 1 << 20, .low_bytes = between});
  EXPECT_FALSE(never_low.holds_ballast());
  EXPECT_EQ(never_low.look(), SpaceState::low);
  {
    const DiskReserve earlier(folder_, small_);
  }
  DiskReserve plenty(folder_, {.ballast_bytes = small_.ballast_bytes, .low_bytes = between});
  EXPECT_EQ(plenty.look(), SpaceState::plenty);
  plenty.release();
  EXPECT_EQ(plenty.look(), SpaceState::low);
}

TEST_F(DiskReserves, ABallastOfAnotherSizeOrWithoutBlocksIsReplaced) {
  std::ofstream(folder_ + "/ballast") << "short";
  {
    EXPECT_TRUE(DiskReserve(folder_, small_).holds_ballast());
  }
  std::filesystem::resize_file(folder_ + "/ballast", 0);
  std::filesystem::resize_file(folder_ + "/ballast", small_.ballast_bytes);
  EXPECT_TRUE(DiskReserve(folder_, small_).holds_ballast());
  EXPECT_GE(ballast_bytes(), small_.ballast_bytes);
}

}  // namespace
}  // namespace muster::store
