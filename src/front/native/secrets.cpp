// /secrets: values that tasks of a project may have. A value comes in and is sealed; no answer holds it.
// Everything here is about the project of the call: names mean nothing elsewhere.
#include <sodium.h>

#include "core/escape.h"
#include "front/native/access_json.h"
#include "front/native/call.h"
#include "front/vault.h"
#include "wire/native/json_reader.h"

namespace muster::front::native {
namespace {

constexpr std::size_t kNoteBytesMax = 200;

struct SecretChange {
  std::string name;
  std::optional<std::string> value;
  std::optional<std::string> note;
  ~SecretChange() {
    if (value) sodium_memzero(value->data(), value->size());
  }
};

std::unexpected<Error> bad_value(std::string what, std::string next) {
  return refuse(ErrorKind::usage, kMalformedValue, std::move(what), std::move(next));
}

Result<void> check(const SecretChange& change) {
  if (change.note && change.note->size() > kNoteBytesMax)
    return bad_value("the note is longer than 200 bytes", "say it shorter");
  if (!change.value) return {};
  if (change.value->empty()) return bad_value("the value is empty", "to take the secret away, delete it");
  if (change.value->size() > kSecretBytesMax) {
    return bad_value("the value has " + std::to_string(change.value->size()) + " bytes; 16384 is the most",
                     "keep a key here, and what it opens elsewhere");
  }
  if (change.value->find('\0') != std::string::npos)
    return bad_value("the value holds a NUL", "encode it as text: base64");
  return {};
}

// The body is wiped once it is read: from here on the value is in `out` alone.
Result<void> read_secret(const CallPtr& call, bool with_name, SecretChange& out) {
  Result<void> done;
  {
    wire::JsonDocument document;
    done = document.parse(call->body);
    if (done) {
      wire::ObjectReader reader(document.root(), "the body");
      if (with_name) reader.text("name", out.name);
      reader.optional_text("value", out.value);
      reader.optional_text("note", out.note);
      done = reader.finish();
    }
  }
  sodium_memzero(call->body.data(), call->body.size());
  if (!done) return done;
  return check(out);
}

Result<SecretRow> find_secret(const CallPtr& call) {
  const SecretRow* row = call->vault.find(call->access.project, call->part(1));
  if (row != nullptr) return *row;
  return std::unexpected(no_such_secret(call->access.project, call->part(1)));
}

Result<void> seal(const CallPtr& call, const SecretChange& change, SecretRow& row) {
  if (change.note) row.note = *change.note;
  if (!change.value) return {};
  row.changed_by = call->who.owner;
  row.changed_wall_us = call->backend.now().wall_us;
  if (call->dry_run) return {};
  Result<std::string> sealed = call->vault.seal(row.project, row.name, *change.value);
  if (!sealed) return std::unexpected(std::move(sealed.error()));
  row.sealed = std::move(*sealed);
  return {};
}

void write_secret(const CallPtr& call, const SecretRow& row, int status) {
  if (call->dry_run) return call->answer(200, secret_json(row, {}, "muster.secret/1"));
  call->object = row.name;
  call->vault.put(row);
  WriteRows input;
  input.rows.secrets.push_back(row);
  const std::string problem = row.removed ? std::string() : call->vault.problem_of(row);
  write_and_answer(call, std::move(input), status, secret_json(row, problem, "muster.secret/1"));
}

}  // namespace

Error no_such_secret(const std::string& project, const std::string& name) {
  return no_such_thing("there is no secret \"" + escape_text(truncate_text(name, 64)) + "\" in project " +
                           escape_text(truncate_text(project, 64)),
                       "list them: muster secret list");
}

void list_secrets(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  read_page(query, call->options, page);
  if (failed(call, query.finish())) return;
  const auto& all = call->vault.all();
  std::string json;
  std::string last;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.secrets/1");
  auto next = page.after.empty() ? all.lower_bound({call->access.project, {}})
                                 : all.upper_bound({call->access.project, page.after});
  const auto more = [&] { return next != all.end() && next->first.first == call->access.project; };
  for (std::uint64_t written = 0; more(); ++next) {
    if (written++ == page.limit) break;
    out.raw(secret_json(next->second, call->vault.problem_of(next->second), ""));
    last = next->first.second;
  }
  wire::end_list(out, more() ? last : std::string());
  call->answer(200, std::move(json));
}

void show_secret(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  const Result<SecretRow> row = find_secret(call);
  if (failed(call, row)) return;
  call->answer(200, secret_json(*row, call->vault.problem_of(*row), "muster.secret/1"));
}

void create_secret(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  SecretChange change;
  if (failed(call, read_secret(call, true, change))) return;
  call->object = change.name;
  if (!is_plain_name(change.name)) {
    return call->fail({ErrorKind::usage, kMalformedValue,
                       "\"" + escape_text(truncate_text(change.name, 64)) + "\" cannot name a secret",
                       "letters, digits and . _ @ -, at most 64"});
  }
  if (!change.value) {
    return call->fail({ErrorKind::usage, kMalformedValue, "a secret needs a value",
                       "muster secret create " + change.name + " < FILE"});
  }
  if (call->vault.find(call->access.project, change.name) != nullptr) {
    return call->fail({ErrorKind::wrong_state, kWrongState, "there is a secret " + change.name + " already",
                       "give it another value: muster secret set " + change.name});
  }
  SecretRow row;
  row.project = call->access.project;
  row.name = change.name;
  row.created_wall_us = call->backend.now().wall_us;
  if (failed(call, seal(call, change, row))) return;
  write_secret(call, row, 201);
}

void set_secret(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  SecretChange change;
  if (failed(call, read_secret(call, false, change))) return;
  Result<SecretRow> row = find_secret(call);
  if (failed(call, row)) return;
  if (failed(call, seal(call, change, *row))) return;
  write_secret(call, *row, 200);
}

void delete_secret(const CallPtr& call) {
  if (!read_dry_run(call)) return;
  Result<SecretRow> row = find_secret(call);
  if (failed(call, row)) return;
  row->removed = true;
  write_secret(call, *row, 200);
}

}  // namespace muster::front::native
