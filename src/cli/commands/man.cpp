// `man`: the manual as pages, printed or written to a folder.
// Needs no server; `muster man --dir DIR` is what a package calls.
#include <sys/stat.h>

#include <array>

#include "cli/commands/commands.h"
#include "cli/manual_pages.h"
#include "cli/output_file.h"
#include "cli/session.h"
#include "client/text.h"
#include "core/escape.h"
#include "core/nearest_word.h"

namespace muster::cli {

namespace {

using client::join_text;

std::string stem_of(const ManualPage& page) { return page.name.substr(0, page.name.rfind('.')); }

class Man final : public CommandBody {
 public:
  void declare(Options& options) override {
    static constexpr std::array<std::string_view, 2> kFormats = {"mdoc", "markdown"};
    options.positional("PAGE", words_, 0, 3, "a command or a topic; default: muster(1)");
    options.choice("--format", kFormats, format_,
                   "man pages (mdoc, the default), or the reference in Markdown");
    options.text("--dir", "DIR", folder_,
                 "write all pages into this folder; man pages into DIR/man1 and DIR/man7");
  }

  Result<int> run(Session& session) override {
    const bool markdown = format_ == "markdown";
    const std::vector<ManualPage> pages =
        markdown ? reference_pages(session.commands()) : man_pages(session.commands());
    if (!folder_.empty()) return write_all(session, pages, markdown);
    std::string wanted = markdown ? "commands" : "muster";
    for (const std::string& word : words_) wanted = markdown ? word : join_text(wanted, "-", word);
    std::vector<std::string> names;
    for (const ManualPage& page : pages) {
      if (stem_of(page) == wanted) {
        session.out().write(page.text);
        return 0;
      }
      names.push_back(stem_of(page));
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string near = nearest_word(wanted, known);
    return refuse(ErrorKind::usage, kUnknownWord,
                  join_text("there is no page ", escape_text(wanted),
                            near.empty() ? "" : join_text("; did you mean ", near, "?")),
                  "all of them:  muster man --dir DIR");
  }

 private:
  Result<int> write_all(Session& session, const std::vector<ManualPage>& pages, bool markdown) const {
    if (!words_.empty()) {
      return refuse(ErrorKind::usage, kMalformedValue, "--dir writes every page, and one is named",
                    "leave one of them out");
    }
    for (const ManualPage& page : pages) {
      const std::string folder = markdown ? folder_ : join_text(folder_, "/man", page.name.back());
      mkdir(folder_.c_str(), 0755);
      mkdir(folder.c_str(), 0755);
      if (auto written = write_output_file(join_text(folder, "/", page.name), page.text); !written)
        return std::unexpected(written.error());
    }
    session.out().line(join_text(pages.size(), " pages in ", escape_text(folder_)));
    return 0;
  }

  std::vector<std::string> words_;
  std::string format_;
  std::string folder_;
};

}  // namespace

const Command kManCommand = {"man",
                             CommandSection::other,
                             CommonOptions::none,
                             "[options] [PAGE]",
                             "print a page of the manual, or write all of them",
                             "muster man submit | man -l -\n"
                             "muster man --dir ~/.local/share/man\n",
                             &make_body<Man>};

}  // namespace muster::cli
