// selftest: options of the simulator.
// A planted mistake can be named to see that it is found; the exit code is then 1, as for any broken promise.
#include "apps/selftest_command.h"

#include <array>
#include <optional>
#include <string>

#include "cli/session.h"
#include "sim/selftest.h"

namespace muster::apps {
namespace {

class SelftestBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.number("--seeds", "N", seeds_, "so many runs (default 1000)");
    options.number("--seed", "K", first_, "the first seed (default 1)");
    options.flag("--trace", trace_, "print all that happens");
    options.text("--mistake", "NAME", mistake_, "plant a known mistake, to see that it is found");
  }

  Result<int> run(cli::Session&) override {
    sim::SelftestOptions options;
    options.first_seed = first_.value_or(1);
    options.seeds = seeds_.value_or(first_ ? 1 : 1000);
    options.trace = trace_;
    if (mistake_) {
      const auto mutant = sim::mutant_from_text(*mistake_);
      if (!mutant)
        return refuse(ErrorKind::usage, kMalformedValue, "there is no planted mistake of that name",
                      known_mistakes());
      options.mutant = *mutant;
    }
    return sim::run_selftest(options);
  }

 private:
  static std::string known_mistakes() {
    std::string names = "one of:";
    for (std::size_t i = 0; i < sim::kMutants; ++i)
      names += " " + std::string(to_text(static_cast<sim::Mutant>(i)));
    return names;
  }

  std::optional<std::uint64_t> seeds_;
  std::optional<std::uint64_t> first_;
  std::optional<std::string> mistake_;
  bool trace_ = false;
};

constexpr std::array<cli::Command, 1> kCommands{{{
    "selftest",
    cli::CommandSection::other,
    cli::CommonOptions::none,
    "[--seeds N] [--seed K]",
    "run the whole system on a fake clock under crashes and losses, and check its promises",
    "muster selftest --seeds 10000       # ten thousand runs\n"
    "muster selftest --seed 42 --trace   # one run, told in full\n",
    [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<SelftestBody>(); },
}}};

}  // namespace

std::span<const cli::Command> selftest_commands() { return kCommands; }

}  // namespace muster::apps
