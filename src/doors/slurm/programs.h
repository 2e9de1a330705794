// The programs of the slurm door: what Debian's Slurm 22.05 prints and takes, for one batch per job.
// Job 42 is batch 42, and 42_7 is its task 42.7; partitions are the values of the workers' label "partition".
#pragma once

#include "doors/door.h"

namespace muster::doors::slurm {

int sbatch(const Words& words, const client::Environment& environment);
int squeue(const Words& words, const client::Environment& environment);
int scancel(const Words& words, const client::Environment& environment);
int sacct(const Words& words, const client::Environment& environment);
int sacctmgr(const Words& words, const client::Environment& environment);
int sinfo(const Words& words, const client::Environment& environment);
int scontrol(const Words& words, const client::Environment& environment);
int srun(const Words& words, const client::Environment& environment);

}  // namespace muster::doors::slurm
