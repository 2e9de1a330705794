// Collects the findings and prints them as a list like any other.
// The exit code is 1 when something is bad; warnings leave it 0.
#include "apps/doctor_command.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "apps/bundle.h"
#include "apps/doctor_checks.h"
#include "cli/printer.h"
#include "cli/session.h"
#include "cli/views/columns.h"
#include "client/endpoint.h"
#include "wire/native/json_writer.h"

namespace muster::apps {
namespace {

constexpr std::size_t kLogBytes = 1 << 20;

cli::Cell verdict_cell(const client::Json& finding, const cli::ViewContext&) {
  const std::string_view verdict = finding["verdict"].text();
  const cli::Tone tone = verdict == "ok"        ? cli::Tone::good
                         : verdict == "warning" ? cli::Tone::warning
                         : verdict == "bad"     ? cli::Tone::bad
                                                : cli::Tone::dim;
  return {std::string(verdict), tone};
}

constexpr cli::ViewColumn kColumns[] = {
    {"check", "CHECK", cli::kMain, cli::kLeft, 0, 0, &cli::text_at<"check">},
    {"verdict", "VERDICT", cli::kMain, cli::kLeft, 0, 0, &verdict_cell},
    {"what", "WHAT", cli::kMain, cli::kLeft, 0, 16, &cli::text_at<"what">},
    {"fix", "FIX", cli::kWide, cli::kLeft, 0, 16, &cli::text_at<"fix">},
};

const cli::View kFindingView = {
    "finding", "findings", "muster.findings/1", kColumns,
    [](const client::Json& finding) { return std::string(finding["check"].text()); }};

std::string findings_json(const std::vector<Finding>& findings) {
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text(kFindingView.schema).key("items").begin_array();
  for (const Finding& finding : findings) {
    out.begin_object();
    out.key("check").text(finding.check);
    out.key("verdict").text(to_text(finding.verdict));
    out.key("what").text(finding.what);
    out.key("fix").text(finding.fix);
    out.end_object();
  }
  out.end_array().end_object();
  return json;
}

class DoctorBody final : public cli::CommandBody {
 public:
  void declare(cli::Options& options) override {
    options.text("--bundle", "FILE.tgz", bundle_,
                 "also pack findings, states and the ends of the logs, without secrets, to send along");
    cli::declare_output(options, output_, cli::OutputKind::list);
  }

  Result<int> run(cli::Session& session) override {
    const Result<cli::OutputChoice> choice = choose_output(output_, session.out_terminal());
    if (!choice) return std::unexpected(choice.error());
    std::vector<Finding> findings;
    look_at_machine(findings, client::find_data_folder(session.endpoint_options, session.environment()));
    look_at_server(findings, session);
    const std::string json = findings_json(findings);
    const Result<void> printed =
        print_list(session, kFindingView, *choice, 0,
                   [&](const std::string&, std::uint64_t) { return client::Document::parse(json); });
    if (!printed) return std::unexpected(printed.error());
    session.out().flush();
    const int verdict = advise(session, findings);
    if (bundle_.empty()) return verdict;
    if (auto packed = pack(session, json); !packed) return std::unexpected(packed.error());
    session.note("packed into " + bundle_ + "; look into it before you send it:  tar xzf " + bundle_ +
                 " -O | less");
    return verdict;
  }

 private:
  static void look_at_machine(std::vector<Finding>& findings, const std::string& folder) {
    findings.push_back(check_kernel());
    findings.push_back(check_open_files());
    findings.push_back(check_memory_limits());
    findings.push_back(check_folder(folder));
    if (findings.back().verdict == Verdict::bad) return;
    findings.push_back(check_tokens(folder));
    findings.push_back(check_secrets_key(folder));
    findings.push_back(check_file_system(folder));
    findings.push_back(check_disk_space(folder));
    findings.push_back(check_disk_speed(folder));
  }

  static void look_at_server(std::vector<Finding>& findings, cli::Session& session) {
    const Result<client::Api*> api = session.api();
    const Result<client::Document> status =
        api ? (*api)->status() : Result<client::Document>(std::unexpected(api.error()));
    if (!status) {
      const std::string& what = status.error().what;
      findings.push_back({"server", Verdict::bad, what.substr(0, what.find('\n')), status.error().next});
      return;
    }
    findings.push_back({"server", Verdict::ok, "answers at " + (*api)->endpoint().url, ""});
    findings.push_back(check_version(status->root(), session.version()));
    findings.push_back(check_store(status->root()));
    client::ListQuery query;
    query.limit = 1000;
    // Who may not see them has no verdict on them.
    if (const Result<client::Document> secrets = (*api)->page("/secrets", query))
      findings.push_back(check_secrets(secrets->root()));
    const Result<client::Document> workers = (*api)->workers(query);
    if (!workers) {
      findings.push_back({"workers", Verdict::bad, workers.error().what, workers.error().next});
      return;
    }
    const std::vector<Finding> found = check_workers(workers->root(), session.version());
    findings.insert(findings.end(), found.begin(), found.end());
  }

  // Of an absent server there are at least the findings and the logs.
  Result<void> pack(cli::Session& session, const std::string& findings) const {
    Bundle bundle;
    bundle.add("findings.json", findings);
    bundle.add("version", session.version());
    const std::string folder = client::find_data_folder(session.endpoint_options, session.environment());
    bundle.add_tail_of("server.log", folder + "/server.log", kLogBytes);
    bundle.add_tail_of("agent.log", folder + "/worker/agent.log", kLogBytes);
    if (const Result<client::Api*> api = session.api()) {
      client::ListQuery query;
      query.limit = 1000;
      const auto add = [&](std::string_view name, const Result<client::Document>& document) {
        if (document) bundle.add(name, document_for_bundle(document->root()));
      };
      add("status.json", (*api)->status());
      add("workers.json", (*api)->workers(query));
      add("batches.json", (*api)->batches(query));
      add("limits.json", (*api)->limits());
    }
    return bundle.write(bundle_);
  }

  // The fixes under the table, where they have room; a pipe gets them as a column.
  static int advise(cli::Session& session, const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      if (!finding.fix.empty()) session.note(finding.check + ": " + finding.fix);
    }
    const bool bad = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& finding) { return finding.verdict == Verdict::bad; });
    return bad ? 1 : 0;
  }

  std::string bundle_;
  cli::OutputOptions output_;
};

constexpr std::array<cli::Command, 1> kCommands{{{
    "doctor",
    cli::CommandSection::other,
    cli::CommonOptions::connection,
    "[options]",
    "look for what is wrong here, and say how to mend it",
    "muster doctor                      # this machine, its data folder, the server, the workers\n"
    "muster doctor --bundle doctor.tgz   # to send along with a question\n"
    "muster doctor -o json              # for programs; the exit code is 1 when something is bad\n",
    [] -> std::unique_ptr<cli::CommandBody> { return std::make_unique<DoctorBody>(); },
}}};

}  // namespace

std::span<const cli::Command> doctor_commands() { return kCommands; }

}  // namespace muster::apps
