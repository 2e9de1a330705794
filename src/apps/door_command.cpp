// Lists the doors, and makes or removes their links.
// Links name the program by its absolute path, so that a folder of them works from everywhere.
#include "apps/door_command.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/output_options.h"
#include "cli/printer.h"
#include "cli/session.h"
#include "cli/views/columns.h"
#include "client/text.h"
#include "core/escape.h"
#include "doors/door.h"
#include "wire/native/json_writer.h"

namespace muster::apps {
namespace {

using client::join_text;
namespace fs = std::filesystem;

constexpr cli::ViewColumn kColumns[] = {
    {"door", "DOOR", cli::kMain, cli::kLeft, 0, 0, &cli::text_at<"door">},
    {"commands", "COMMANDS", cli::kMain, cli::kLeft, 0, 24, &cli::text_at<"commands">},
    {"for", "FOR", cli::kMain, cli::kLeft, 1, 16, &cli::text_at<"for">},
};

const cli::View kDoorView = {"door", "doors", "muster.doors/1", kColumns,
                             [](const client::Json& door) { return std::string(door["door"].text()); }};

std::string doors_json() {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text(kDoorView.schema).key("items").begin_array();
  for (const doors::Door& door : doors::all_doors()) {
    std::string commands;
    for (const doors::DoorProgram& program : door.programs)
      commands += join_text(commands.empty() ? "" : " ", program.name);
    out.begin_object().key("door").text(door.name).key("commands").text(commands);
    out.key("for").text(door.summary).end_object();
  }
  out.end_array().end_object();
  return json;
}

class DoorList final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override { declare_output(options, output_, cli::OutputKind::list); }

  Result<int> run(cli::Session& session) override {
    const Result<cli::OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    const std::string json = doors_json();
    const Result<void> printed =
        print_list(session, kDoorView, *choice, 0,
                   [&](const std::string&, std::uint64_t) { return client::Document::parse(json); });
    if (!printed) return std::unexpected(printed.error());
    return 0;
  }

 private:
  cli::OutputOptions output_;
};

Result<const doors::Door*> named_door(const std::string& name) {
  if (const doors::Door* door = doors::find_door(name); door != nullptr) return door;
  return refuse(ErrorKind::not_found, kNoSuchThing, join_text("there is no door '", escape_text(name), "'"),
                "all doors:  muster door list");
}

// Something that is there and is not a link to a program called muster belongs to somebody else.
Result<void> check_free(const fs::path& link) {
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(link, failed);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::symlink && fs::read_symlink(link, failed).filename() == "muster")
    return {};
  return refuse(ErrorKind::wrong_state, kWrongState,
                join_text(escape_text(link.string()), " is there already, and is not a link to muster"),
                "name another folder, and put it before the others in PATH");
}

class DoorInstall final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.positional("NAME", words_, 1, 2, "the door, and the folder for its links; default: ~/.local/bin");
    options.flag("--dry-run", dry_run_, "say what would be done");
  }

  Result<int> run(cli::Session& session) override {
    const auto door = named_door(words_[0]);
    if (!door) return std::unexpected(door.error());
    const auto folder = folder_of(session);
    if (!folder) return std::unexpected(folder.error());
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    if (failed)
      return refuse(ErrorKind::temporary, kInternal, join_text("/proc/self/exe: ", failed.message()));
    for (const doors::DoorProgram& one : (*door)->programs) {
      if (const auto is_free = check_free(*folder / one.name); !is_free)
        return std::unexpected(is_free.error());
    }
    if (!dry_run_) {
      if (const auto linked = link_all(**door, *folder, program); !linked)
        return std::unexpected(linked.error());
    }
    for (const doors::DoorProgram& one : (*door)->programs) session.out().line((*folder / one.name).string());
    session.out().flush();
    if (dry_run_) {
      session.note("nothing was done (--dry-run)");
    } else {
      advise(session, *folder);
    }
    return 0;
  }

 private:
  Result<fs::path> folder_of(const cli::Session& session) const {
    if (words_.size() > 1) return fs::absolute(words_[1]);
    const auto home = session.environment()("HOME");
    if (home) return fs::path(*home) / ".local" / "bin";
    return refuse(ErrorKind::usage, kMalformedValue, "HOME is not set",
                  "name the folder:  muster door install NAME DIR");
  }

  static Result<void> link_all(const doors::Door& door, const fs::path& folder, const fs::path& program) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    for (const doors::DoorProgram& one : door.programs) {
      const fs::path link = folder / one.name;
      if (!failed) fs::remove(link, failed);
      if (!failed) fs::create_symlink(program, link, failed);
      if (failed) {
        return refuse(ErrorKind::not_allowed, kWrongState,
                      join_text(escape_text(link.string()), " cannot be made: ", failed.message()),
                      "name a folder that you may write to");
      }
    }
    return {};
  }

  static void advise(cli::Session& session, const fs::path& folder) {
    const std::string path = join_text(":", session.environment()("PATH").value_or(""), ":");
    if (path.find(join_text(":", folder.string(), ":")) == std::string::npos)
      session.note(join_text("this folder is not in PATH:  export PATH=", folder.string(), ":$PATH"));
  }

  std::vector<std::string> words_;
  bool dry_run_ = false;
};

constexpr std::array<cli::Command, 2> kCommands{{
    {"door list", cli::CommandSection::other, cli::CommonOptions::none, "[options]",
     "other systems' commands that muster answers to", "muster door list\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<DoorList>(); }},
    {"door install", cli::CommandSection::other, cli::CommonOptions::none, "[options] NAME [DIR]",
     "make those commands callable",
     "muster door install slurm ~/slurm-bin   # sbatch, squeue, … as links to muster\n"
     "muster door install snakemake\n",
     [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<DoorInstall>(); }},
}};

}  // namespace

std::span<const cli::Command> door_commands() { return kCommands; }

}  // namespace muster::apps
