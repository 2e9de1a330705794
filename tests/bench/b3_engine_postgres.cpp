// B3 with PostgreSQL: the same life cycles through the engine and the store of MUSTER_BENCH_POSTGRES, beside SQLite in the same run.
// Goal: at least half of SQLite's.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine_cycles.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"

using namespace muster;
using namespace muster::bench;

namespace {

Figures with_sqlite(int life_cycles) {
  char folder[] = "muster-b3-XXXXXX";
  if (mkdtemp(folder) == nullptr) return {};
  Figures figures;
  {
    auto lock = store::FolderLock::take(folder);
    const auto opened = store::open_sqlite_store(*lock);
    figures = run_life_cycles(**opened, life_cycles);
  }
  std::filesystem::remove_all(folder);
  return figures;
}

Figures with_postgres(const std::string& url, int round, int life_cycles) {
  store::PostgresOptions options;
  options.schema = "bench" + std::to_string(round);
  const auto opened = store::open_postgres_store(url, options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
    std::exit(1);
  }
  return run_life_cycles(**opened, life_cycles);
}

}  // namespace

int main() {
  const char* url = std::getenv("MUSTER_BENCH_POSTGRES");
  if (url == nullptr) {
    std::puts("B3.engine.postgresql: left out, no PostgreSQL is given (b3_engine_postgres.py starts one)");
    return 0;
  }
  const char* asked = std::getenv("MUSTER_BENCH_TASKS");
  const int life_cycles = asked != nullptr ? std::atoi(asked) : 60'000;
  std::vector<double> rate, ratio, p99;
  for (int round = 0; round < 5; ++round) {
    const Figures file = with_sqlite(life_cycles);
    const Figures database = with_postgres(url, round, life_cycles);
    rate.push_back(database.per_second);
    ratio.push_back(database.per_second / file.per_second);
    p99.push_back(database.p99_ms);
  }
  std::printf("B3.engine.postgresql %.0f life_cycles/s (goal 0.5 of SQLite's, %.3f)\n", median(rate),
              median(ratio));
  std::printf("B3.engine.postgresql.p99 %.2f ms\n", median(p99));
  return 0;
}
