// The doors there are.
// Reading this file shows every foreign name that the binary answers to.
#include <algorithm>
#include <array>

#include "doors/door.h"
#include "doors/slurm/programs.h"
#include "doors/snakemake/programs.h"

namespace muster::doors {
namespace {

constexpr std::array<DoorProgram, 8> kSlurm{{{"sbatch", slurm::sbatch},
                                             {"squeue", slurm::squeue},
                                             {"scancel", slurm::scancel},
                                             {"sacct", slurm::sacct},
                                             {"sacctmgr", slurm::sacctmgr},
                                             {"sinfo", slurm::sinfo},
                                             {"scontrol", slurm::scontrol},
                                             {"srun", slurm::srun}}};
constexpr std::array<DoorProgram, 3> kSnakemake{{{"snakemake-submit", snakemake::submit},
                                                 {"snakemake-status", snakemake::status},
                                                 {"snakemake-cancel", snakemake::cancel}}};
constexpr std::array<Door, 2> kDoors{
    {{"slurm", "sbatch and its kin, for people and for grid executors", kSlurm},
     {"snakemake", "the three commands of Snakemake's --cluster", kSnakemake}}};

}  // namespace

std::span<const Door> all_doors() { return kDoors; }

const Door* find_door(std::string_view name) {
  const auto found = std::ranges::find(kDoors, name, &Door::name);
  return found == kDoors.end() ? nullptr : &*found;
}

const DoorProgram* find_program(std::string_view name) {
  for (const Door& door : kDoors) {
    const auto found = std::ranges::find(door.programs, name, &DoorProgram::name);
    if (found != door.programs.end()) return &*found;
  }
  return nullptr;
}

}  // namespace muster::doors
