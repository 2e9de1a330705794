// The three commands of Snakemake's generic cluster mode (7.x): --cluster, --cluster-status, --cluster-cancel.
// snakemake --cluster "snakemake-submit --cpus {threads}" --cluster-status snakemake-status --cluster-cancel snakemake-cancel
#pragma once

#include "doors/door.h"

namespace muster::doors::snakemake {

int submit(const Words& words, const client::Environment& environment);
int status(const Words& words, const client::Environment& environment);
int cancel(const Words& words, const client::Environment& environment);

}  // namespace muster::doors::snakemake
