// Runs a fuzz target where libFuzzer is not linked: files and folders named on the command line, then changed copies of them.
// The same arguments give the same inputs; a target reports a broken promise by aborting, the input being in crash-input.
//   NAME_fuzz [-runs=N] [-seed=S] [FILE|FOLDER…]
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::string current;

void keep_input(int) {
  std::FILE* file = std::fopen("crash-input", "wb");
  if (file != nullptr) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
  }
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

void run(std::string input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_seeds(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(read_file(file));
  return seeds;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, const std::vector<std::string>& seeds) : random_(seed), seeds_(seeds) {}

  std::string next() {
    std::string input = seeds_.empty() || below(8) == 0 ? std::string() : seeds_[below(seeds_.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  // Mostly characters that mean something to somebody.
  char character() {
    constexpr std::string_view kTelling = "{}{}#\"'`$()\\\n\r\t ;|&<>,.-:@_=*?[]!0159aTn";
    return below(6) == 0 ? static_cast<char>(below(256)) : kTelling[below(kTelling.size())];
  }

  void change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    switch (below(5)) {
      case 0:
        input.insert(at, 1, character());
        break;
      case 1:
        input.erase(at, 1 + below(4));
        break;
      case 2:
        if (at < input.size()) input[at] = character();
        break;
      case 3:
        input.insert(at, input.substr(below(input.size() + 1), below(12)));
        break;
      default:
        if (!seeds_.empty()) {
          const std::string& other = seeds_[below(seeds_.size())];
          input.insert(at, other.substr(below(other.size() + 1), below(20)));
        }
    }
  }

  std::mt19937_64 random_;
  const std::vector<std::string>& seeds_;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 20'000;
  std::uint64_t seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("-runs=")) {
      runs = std::strtoull(argv[i] + 6, nullptr, 10);
    } else if (argument.starts_with("-seed=")) {
      seed = std::strtoull(argv[i] + 6, nullptr, 10);
    } else {
      paths.emplace_back(argument);
    }
  }
  std::signal(SIGABRT, keep_input);
  const std::vector<std::string> seeds = read_seeds(paths);
  for (const std::string& input : seeds) run(input);
  Mutator mutator(seed, seeds);
  for (std::uint64_t i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu inputs and %llu changed ones\n", seeds.size(), static_cast<unsigned long long>(runs));
}
