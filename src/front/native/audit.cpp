// /audit: what was changed and denied, oldest first, and whether the chain still holds.
// Nothing changes a row: there is no such route.
#include <functional>

#include "front/audit_chain.h"
#include "front/native/access_json.h"
#include "front/native/call.h"

namespace muster::front::native {
namespace {

// Rows of calls that were denied are written behind their answers: whoever asks afterwards waits for them.
void when_written(const CallPtr& call, std::function<void()> look) {
  call->backend.post(WriteRows{}, [call, look = std::move(look)](const ReplyBody& reply) {
    if (const Error* error = std::get_if<Error>(&reply)) return call->fail(*error);
    look();
  });
}

void answer_page(const CallPtr& call, const Page& page) {
  const std::vector<AuditRow> found = call->backend.access().audit(page);
  std::string json;
  wire::JsonWriter out(json);
  wire::begin_list(out, "muster.audits/1");
  for (const AuditRow& row : found) out.raw(audit_json(row));
  wire::end_list(out, found.size() == page.limit ? std::to_string(found.back().seq) : "");
  call->answer(200, std::move(json));
}

void answer_verdict(const CallPtr& call) {
  const AuditVerdict verdict = verify_audit_chain(call->backend.access());
  std::string json;
  wire::JsonWriter out(json);
  out.begin_object().key("schema").text("muster.audit-verdict/1");
  out.key("rows").number(verdict.rows).key("holds").flag(verdict.bad == 0).key("first_bad");
  if (verdict.bad == 0) {
    out.null();
  } else {
    out.number(verdict.bad);
  }
  out.key("head").text_or_null(hex_text(verdict.head)).end_object();
  call->answer(200, std::move(json));
}

}  // namespace

void list_audit(const CallPtr& call) {
  QueryReader query(call->target);
  PageRequest page;
  read_page(query, call->options, page);
  if (failed(call, query.finish())) return;
  Page rows{0, static_cast<std::uint32_t>(page.limit)};
  if (!page.after.empty()) {
    const auto cursor = parse_cursor<1>(page.after);
    if (!cursor) return call->fail(bad_cursor(page.after));
    rows.after = (*cursor)[0];
  }
  when_written(call, [call, rows] { answer_page(call, rows); });
}

void verify_audit(const CallPtr& call) {
  QueryReader query(call->target);
  if (failed(call, query.finish())) return;
  when_written(call, [call] { answer_verdict(call); });
}

}  // namespace muster::front::native
