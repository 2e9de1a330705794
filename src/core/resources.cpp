// Arithmetic of resources.
// Sums are 64 bit wide and never wrap: 2^32 tasks of 2^32 slots do not exist.
#include "core/resources.h"

#include "core/check.h"

namespace muster {

void InUse::add(const Resources& wanted) {
  cpu_slots += wanted.cpu_slots;
  gpu_slots += wanted.gpu_slots;
  cpus += wanted.cpus;
  mem_mb += wanted.mem_mb;
  disk_mb += wanted.disk_mb;
}

void InUse::remove(const Resources& wanted) {
  MUSTER_CHECK(cpu_slots >= wanted.cpu_slots && gpu_slots >= wanted.gpu_slots && cpus >= wanted.cpus &&
                   mem_mb >= wanted.mem_mb && disk_mb >= wanted.disk_mb,
               "resources are given back once, by whom they were taken");
  cpu_slots -= wanted.cpu_slots;
  gpu_slots -= wanted.gpu_slots;
  cpus -= wanted.cpus;
  mem_mb -= wanted.mem_mb;
  disk_mb -= wanted.disk_mb;
}

namespace {

bool covers(const Capacity& capacity, const Resources& wanted, const InUse& in_use) {
  return in_use.cpu_slots + wanted.cpu_slots <= capacity.cpu_slots &&
         in_use.gpu_slots + wanted.gpu_slots <= capacity.gpu_slots &&
         (wanted.cpus == 0 || in_use.cpus + wanted.cpus <= capacity.cpus) &&
         (wanted.mem_mb == 0 || in_use.mem_mb + wanted.mem_mb <= capacity.mem_mb) &&
         (wanted.disk_mb == 0 || in_use.disk_mb + wanted.disk_mb <= capacity.disk_mb);
}

}  // namespace

Fit fits(const Resources& wanted, const Capacity& capacity, const InUse& in_use) {
  if (!covers(capacity, wanted, InUse{})) return Fit::too_big;
  return covers(capacity, wanted, in_use) ? Fit::fits : Fit::busy;
}

}  // namespace muster
