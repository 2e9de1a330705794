// One line for each shape. What is below an operation's request is what the readers in wire/native take; what is below its answer is
// what the writers write.
#include "front/schemas.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace muster::front {
namespace {

constexpr std::array kShapes{
    // ---- requests
    Shape{"Submit",
          "command:[text] shell?:text|null name?:text batch?:text array?:text lines?:[text] table?:Table "
          "slots?:int "
          "gpus?:int cpus?:int mem_mb?:int disk_mb?:int exclusive?:flag use?:{int} on?:{text} time_s?:number "
          "grace_s?:number retries?:int max_running?:int priority?:int after?:[text] after_any?:[text] "
          "after_each?:[text] env?:{text} labels?:{text} secrets?:{text} cwd?:text rerun?:<allowed,never> "
          "log_max_bytes?:int held?:flag closed?:flag dry_run?:flag"},
    Shape{"Table", "columns:[text] rows?:[[text]]"},
    Shape{"BatchSettings",
          "priority?:int|null max_running?:int|null closed?:flag|null name?:text|null dry_run?:flag"},
    Shape{"Selection", "selectors?:[text] where?:text reason?:text dry_run?:flag"},
    Shape{"Retry",
          "Selection slots?:int|null gpus?:int|null cpus?:int|null mem_mb?:int|null disk_mb?:int|null "
          "time_s?:number|null retries?:int|null env?:{text}"},
    Shape{
        "WorkerSettings",
        "name?:text|null slots?:int|null gpu_slots?:int|null labels?:{text} offers?:{int} serves?:text|null "
        "lease_s?:number|null dry_run?:flag"},
    Shape{"WorkerChange", "reason?:text dry_run?:flag"},
    Shape{"LimitSettings", "max_running?:int|null max_cpus?:int|null weight?:int dry_run?:flag"},
    Shape{"ShutDown", "keep_running?:flag"},
    Shape{"Invite", "ttl_s?:number name?:text"},
    Shape{"NewFlavor",
          "provider:text region:text name:text cpus:int ram_mb:int disk_mb?:int bandwidth_mbps?:int "
          "gpu?:text "
          "gpu_mem_mb?:int|null tags?:text price:number currency?:text eviction_percent?:int|null id?:text "
          "cost?:number "
          "dropped?:text|null"},
    Shape{"FlavorImport", "items:[NewFlavor] replace?:flag dry_run?:flag"},
    Shape{"LinkWish", "ttl_s?:number"},
    Shape{"SessionWish", "note?:text"},
    Shape{"Join", "spool_id:text name?:text"},
    Shape{"NewUser", "name:text roles?:{<viewer,submitter,operator,admin,none>} disabled?:flag|null"},
    Shape{"UserSettings", "roles?:{<viewer,submitter,operator,admin,none>} disabled?:flag|null"},
    Shape{"NewToken", "user?:text project?:text role?:text note?:text expires_s?:number"},
    Shape{"NewProject", "name:text note?:text|null closed?:flag|null"},
    Shape{"ProjectSettings", "note?:text|null closed?:flag|null"},
    Shape{"NewSecret", "name:text value:text note?:text|null"},
    Shape{"SecretSettings", "value?:text|null note?:text|null"},

    // ---- what answers are made of
    Shape{"Counts",
          "waiting:int held:int ready:int running:int executing:int stopping:int succeeded:int failed:int "
          "cancelled:int"},
    Shape{"Resources",
          "slots:int gpus:int cpus:int mem_mb:int disk_mb:int exclusive:flag use:{int} on:{text}"},
    Shape{"Batch",
          "id:int name:text project:text owner:text "
          "state:<waiting,trial,running,succeeded,ended,broken,cancelling,cancelled> held:flag closed:flag "
          "priority:int max_running:int tasks:int counts:Counts created:time|null started:time|null "
          "ended:time|null reason:text|null why:text|null command:text|null left:Left|null"},
    Shape{"Left", "low_s:number middle_s:number high_s:number stragglers:int places:int"},
    Shape{"BatchUsage",
          "tasks:int time_p50_s:number time_p95_s:number mem_asked_mb:int mem_peak_p95_mb:int|null "
          "mem_suggested_mb:int|null try:text|null"},
    Shape{"Attention",
          "kind:text severity:<bad,warning> batch:int|null worker:text|null text:text next:text"},
    Shape{"FailureGroup",
          "count:int cause:text phase:text exit_code:int|null signal:int|null line:text|null line_read:flag "
          "first:time|null last:time|null workers:{int} peak_mem_mb:number mem_mb:int samples:[text] "
          "retry:text"},
    Shape{"Advice", "sentence:text feasible:flag try:[text]"},
    Shape{"AbleWorkers", "total:int now:int ever:int"},
    Shape{"Shortage", "what:text asked:int free:int total:int label:text|null"},
    Shape{"NearWorker",
          "worker:text state:<offline,online,paused,draining,quarantined,lost,removed> code:text|null "
          "ever:flag "
          "shortages:[Shortage]"},
    Shape{"WaitReason", "reason:text|null tasks:int sample:text sentence:text never:flag try:[text]"},
    Shape{"Dependency", "kind:<batch,task,index> batch:int index?:int any_end:flag"},
    Shape{"Segment", "first:int last:int step:int count:int first_number:text items:flag after:[Dependency]"},
    Shape{"Template",
          "name:text|null command:text columns:[text] resources:Resources env:{text} labels:{text} "
          "secrets:{text} cwd:text time_s:number grace_s:number retries:int rerun:<allowed,never> "
          "log_max_bytes:int"},
    Shape{"End",
          "worker:text|null exit_code:int|null signal:int|null "
          "cause:<exit,signal,oom,timeout,input,output,launch,worker-lost,evicted,verification,poison>|null "
          "message:text|null granted:time|null started:time|null ended:time|null wall_s:number|null "
          "user_s:number|null system_s:number|null peak_memory_mb:number|null read_bytes:int|null "
          "written_bytes:int|null"},
    Shape{"Task",
          "id:text batch:int index:int number:text name:text|null command:text "
          "state:<waiting,held,ready,running,succeeded,failed,cancelled> phase:text|null reason:text|null "
          "limit:text|null obstacles:{int} attempts:int End created:time|null resources?:Resources "
          "time_limit_s?:number|null retries?:int not_before:time|null"},
    Shape{"Attempt",
          "id:text task:text attempt:int state:text End stdout_bytes:int|null stderr_bytes:int|null "
          "log_cut:flag"},
    Shape{"WorkerSlots", "enabled:int busy:int gpu_enabled:int gpu_busy:int"},
    Shape{"WorkerUse", "slots:int gpus:int cpus:int mem_mb:int disk_mb:int"},
    Shape{
        "Worker",
        "id:int name:text state:<offline,online,paused,draining,quarantined,lost,removed> connected:flag "
        "host:text|null version:text|null slots:WorkerSlots cpus:int mem_mb:int disk_mb:int in_use:WorkerUse "
        "gpus:[text] assigned:int executing:int last_seen:time|null boot_id:text|null labels:{text} "
        "offers:{int} offers_in_use:{int} serves:text|null lease_s:number|null "
        "tasks_are_root:flag let_in_by:text|null reason:text|null quarantines:int "
        "quarantined_until:time|null half_open:flag"},
    Shape{"Limit",
          "id:text scope:<user,project,label> name:text max_running:int|null max_cpus:int|null weight:int "
          "running:int cpus:int"},
    Shape{"Event",
          "seq:int time:time kind:text batch:int|null task:text|null attempt:text|null worker:text|null "
          "who:text|null text:text"},
    Shape{"Flavor",
          "id:text provider:text region:text name:text cpus:int ram_mb:int disk_mb:int bandwidth_mbps:int "
          "gpu:text "
          "gpu_mem_mb:int|null tags:text price:number currency:text cost:number eviction_percent:int|null "
          "dropped:text|null"},
    Shape{"User", "name:text roles:{<viewer,submitter,operator,admin>} disabled:flag created:time|null"},
    Shape{"Token",
          "id:int kind:<user,agent,join,link> user:text state:<good,expired,revoked,used> project:text|null "
          "role:text|null worker:text|null note:text|null created:time|null expires:time|null "
          "last_used:time|null revoked:time|null token?:text"},
    Shape{"Project", "name:text note:text|null closed:flag created:time|null"},
    Shape{"Secret",
          "name:text project:text note:text|null created:time|null changed:time|null changed_by:text|null "
          "problem:text|null"},
    Shape{"AuditRow",
          "seq:int time:time who:text|null token:int|null role:text|null project:text|null address:text|null "
          "action:text object:text|null result:text request:text|null hash:text"},
    Shape{"LogLine", "task:text attempt:text text:text cut:flag"},
    Shape{"WorkerTotals", "online:int total:int slots:int busy:int"},

    // ---- answers
    Shape{"Submitted",
          "schema=muster.submitted/1 batch:int|null name:text first:int last:int count:int first_number:int "
          "replayed:flag"},
    Shape{"Changed", "schema=muster.changed/1 count:int skipped:int batches:[int] replayed:flag"},
    // `tasks`, `looked`, `matched`: of a filter that is looked for, how many there are, and how far it is.
    Shape{"Operation",
          "schema=muster.operation/1 id:int operation:text object:text who:text state:<running,done,failed> "
          "started:time ended:time|null tasks:int looked:int matched:int result:Changed|null "
          "problem:Problem|null"},
    // With ?background=true the operation, at once.
    Shape{"ChangeAnswer", "Changed | Operation"},
    Shape{"BatchList", "schema=muster.batches/1 items:[Batch] next:text|null"},
    Shape{"BatchShown",
          "schema=muster.batch/1 Batch segments:[Segment] template:Template|null usage:BatchUsage|null"},
    Shape{"TaskList", "schema=muster.tasks/1 items:[Task] next:text|null"},
    Shape{"TaskShown", "schema=muster.task/1 Task history:[Attempt]"},
    Shape{"AttemptList", "schema=muster.attempts/1 items:[Attempt] next:text|null"},
    Shape{"AttemptShown", "schema=muster.attempt/1 Attempt"},
    Shape{"WorkerList", "schema=muster.workers/1 items:[Worker] next:text|null"},
    Shape{"WorkerShown", "schema=muster.worker/1 Worker"},
    // Of a dry run: what it would have changed.
    Shape{"WorkerMade", "WorkerShown | Changed"},
    Shape{"LimitList", "schema=muster.limits/1 items:[Limit] next:text|null"},
    Shape{"Status",
          "schema=muster.status/1 version:text started:time url:text data:text store:text disk:<plenty,low> "
          "counts:Counts batches:[Batch] batches_live:int recent:[Batch] attention:[Attention] "
          "workers:WorkerTotals incarnation:int"},
    Shape{"Waited", "schema=muster.wait/1 done:flag tasks:int counts:Counts executing:int left:Left|null"},
    Shape{"LogLineList", "schema=muster.log-lines/1 items:[LogLine] next:text|null"},
    Shape{"TaskSelection", "schema=muster.selection/1 selectors:[text] tasks:int"},
    Shape{"TaskSpec",
          "schema=muster.task-spec/1 id:text argv:[text] command:text env:{text} cwd:text|null "
          "resources:Resources time_limit_s:number|null"},
    // Of a task that is final, what it would need is not said.
    Shape{"TaskExplanation",
          "schema=muster.explanation/1 thing=task id:text "
          "state:<waiting,held,ready,running,succeeded,failed,cancelled> reason:text|null Advice "
          "limit?:text|null needs?:Resources workers?:AbleWorkers obstacles?:{int} nearest?:[NearWorker] "
          "waits_for?:[text] impossible?:[text] not_before?:time|null"},
    Shape{"BatchExplanation",
          "schema=muster.explanation/1 thing=batch id:int name:text "
          "state:<waiting,trial,running,succeeded,ended,broken,cancelling,cancelled> reasons:[WaitReason] "
          "Advice"},
    Shape{"WorkerExplanation",
          "schema=muster.explanation/1 thing=worker id:int name:text "
          "state:<offline,online,paused,draining,quarantined,lost,removed> Advice slots:int executing:int "
          "ready_batches:int obstacles:{int}"},
    Shape{"Explanation", "TaskExplanation | BatchExplanation | WorkerExplanation"},
    Shape{"Failures", "schema=muster.failures/1 batch:int failed:int groups_total:int groups:[FailureGroup]"},
    Shape{"EventList", "schema=muster.events/1 items:[Event] next:text|null"},
    Shape{"ShuttingDown", "schema=muster.shutdown/1 keep_running:flag"},
    Shape{"Invitation", "schema=muster.invite/1 key:text url:text pin:text|null name:text|null expires:time"},
    Shape{"FlavorList", "schema=muster.flavors/1 items:[Flavor] next:text|null"},
    Shape{"FlavorShown", "schema=muster.flavor/1 Flavor"},
    Shape{"FlavorsImported",
          "schema=muster.flavors-imported/1 added:int changed:int unchanged:int removed:int"},
    Shape{"Link", "schema=muster.link/1 link:text path:text expires:time"},
    Shape{"SessionMade", "schema=muster.session/1 id:int token:text user:text expires:time"},
    Shape{"Joined", "schema=muster.joined/1 token:text name:text expires:time version:text"},
    Shape{"UserList", "schema=muster.users/1 items:[User] next:text|null"},
    Shape{"UserShown", "schema=muster.user/1 User"},
    Shape{"TokenList", "schema=muster.tokens/1 items:[Token] next:text|null"},
    Shape{"TokenShown", "schema=muster.token/1 Token"},
    Shape{"ProjectList", "schema=muster.projects/1 items:[Project] next:text|null"},
    Shape{"ProjectShown", "schema=muster.project/1 Project"},
    Shape{"SecretList", "schema=muster.secrets/1 items:[Secret] next:text|null"},
    Shape{"SecretShown", "schema=muster.secret/1 Secret"},
    Shape{"AuditList", "schema=muster.audits/1 items:[AuditRow] next:text|null"},
    Shape{"AuditVerdict",
          "schema=muster.audit-verdict/1 rows:int holds:flag first_bad:int|null head:text|null"},
    Shape{"Problem", "type:text title:text status:int code:text detail:text next:text|null"},
};

constexpr std::array kOperations{
    OperationShapes{"batch.submit", "Submit", "Submitted"},
    OperationShapes{"batch.list", "", "BatchList"},
    OperationShapes{"batch.show", "", "BatchShown"},
    OperationShapes{"batch.set", "BatchSettings", "Changed"},
    OperationShapes{"task.list", "", "TaskList"},
    OperationShapes{"task.show", "", "TaskShown"},
    OperationShapes{"task.spec", "", "TaskSpec"},
    OperationShapes{"attempt.list", "", "AttemptList"},
    OperationShapes{"attempt.show", "", "AttemptShown"},
    OperationShapes{"worker.list", "", "WorkerList"},
    OperationShapes{"worker.show", "", "WorkerShown"},
    OperationShapes{"worker.set", "WorkerSettings", "Changed"},
    OperationShapes{"worker.create", "WorkerSettings", "WorkerMade"},
    OperationShapes{"worker.pause", "WorkerChange", "Changed"},
    OperationShapes{"worker.resume", "WorkerChange", "Changed"},
    OperationShapes{"worker.drain", "WorkerChange", "Changed"},
    OperationShapes{"worker.lost", "WorkerChange", "Changed"},
    OperationShapes{"worker.remove", "WorkerChange", "Changed"},
    OperationShapes{"limit.list", "", "LimitList"},
    OperationShapes{"limit.set", "LimitSettings", "Changed"},
    OperationShapes{"limit.delete", "", "Changed"},
    OperationShapes{"task.cancel", "Selection", "ChangeAnswer"},
    OperationShapes{"task.hold", "Selection", "ChangeAnswer"},
    OperationShapes{"task.release", "Selection", "ChangeAnswer"},
    OperationShapes{"task.retry", "Retry", "ChangeAnswer"},
    OperationShapes{"task.set", "Retry", "ChangeAnswer"},
    OperationShapes{"task.select", "", "TaskSelection"},
    OperationShapes{"explain", "", "Explanation"},
    OperationShapes{"failures", "", "Failures"},
    OperationShapes{"status", "", "Status"},
    OperationShapes{"wait", "", "Waited"},
    OperationShapes{"logs", "", ""},
    OperationShapes{"operation.show", "", "Operation"},
    OperationShapes{"logs.search", "", "LogLineList"},
    OperationShapes{"event.list", "", "EventList"},
    OperationShapes{"shutdown", "ShutDown", "ShuttingDown"},
    OperationShapes{"worker.invite", "Invite", "Invitation"},
    OperationShapes{"worker.join", "Join", "Joined"},
    OperationShapes{"flavor.list", "", "FlavorList"},
    OperationShapes{"flavor.import", "FlavorImport", "FlavorsImported"},
    OperationShapes{"flavor.show", "", "FlavorShown"},
    OperationShapes{"flavor.delete", "", "FlavorShown"},
    OperationShapes{"session.link", "LinkWish", "Link"},
    OperationShapes{"session.create", "SessionWish", "SessionMade"},
    OperationShapes{"user.list", "", "UserList"},
    OperationShapes{"user.create", "NewUser", "UserShown"},
    OperationShapes{"user.show", "", "UserShown"},
    OperationShapes{"user.set", "UserSettings", "UserShown"},
    OperationShapes{"user.delete", "", "UserShown"},
    OperationShapes{"token.list", "", "TokenList"},
    OperationShapes{"token.create", "NewToken", "TokenShown"},
    OperationShapes{"token.revoke", "", "TokenShown"},
    OperationShapes{"project.list", "", "ProjectList"},
    OperationShapes{"project.create", "NewProject", "ProjectShown"},
    OperationShapes{"project.show", "", "ProjectShown"},
    OperationShapes{"project.set", "ProjectSettings", "ProjectShown"},
    OperationShapes{"project.delete", "", "ProjectShown"},
    OperationShapes{"secret.list", "", "SecretList"},
    OperationShapes{"secret.create", "NewSecret", "SecretShown"},
    OperationShapes{"secret.show", "", "SecretShown"},
    OperationShapes{"secret.set", "SecretSettings", "SecretShown"},
    OperationShapes{"secret.delete", "", "SecretShown"},
    OperationShapes{"audit.list", "", "AuditList"},
    OperationShapes{"audit.verify", "", "AuditVerdict"},
};

std::string_view take_until(std::string_view& text, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

const Shape& shape_named(std::string_view name) {
  const auto found =
      std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& shape) { return shape.name == name; });
  MUSTER_CHECK(found != kShapes.end(), "a shape that is named is written down");
  return *found;
}

enum class OrNull : std::uint8_t { no, yes };

// "type":"string", or "type":["string","null"]
void write_type(wire::JsonWriter& out, std::string_view type, OrNull null) {
  out.key("type");
  if (null == OrNull::no) {
    out.text(type);
  } else {
    out.begin_array().text(type).text("null").end_array();
  }
}

void write_value(wire::JsonWriter& out, std::string_view type);

void write_words(wire::JsonWriter& out, std::string_view words, OrNull null) {
  write_type(out, "string", null);
  out.key("enum").begin_array();
  for (std::string_view rest = words; !rest.empty();
       rest.remove_prefix(std::min<std::size_t>(1, rest.size())))
    out.text(take_until(rest, ","));
  if (null == OrNull::yes) out.null();
  out.end_array();
}

void write_reference(wire::JsonWriter& out, std::string_view name, OrNull null) {
  const std::string path = "#/components/schemas/" + std::string(shape_named(name).name);
  if (null == OrNull::no) {
    out.key("$ref").text(path);
    return;
  }
  out.key("anyOf").begin_array().begin_object().key("$ref").text(path).end_object();
  out.begin_object().key("type").text("null").end_object().end_array();
}

// The members of a schema for a value of this type.
void write_inner(wire::JsonWriter& out, std::string_view type) {
  const OrNull null = type.ends_with("|null") ? OrNull::yes : OrNull::no;
  if (null == OrNull::yes) type.remove_suffix(5);
  if (type.starts_with('[')) {
    write_type(out, "array", null);
    out.key("items");
    write_value(out, type.substr(1, type.size() - 2));
  } else if (type.starts_with('{')) {
    write_type(out, "object", null);
    out.key("additionalProperties");
    write_value(out, type.substr(1, type.size() - 2));
  } else if (type.starts_with('<')) {
    write_words(out, type.substr(1, type.size() - 2), null);
  } else if (type == "time") {
    write_type(out, "string", null);
    out.key("format").text("date-time");
  } else if (type == "text") {
    write_type(out, "string", null);
  } else if (type == "int") {
    write_type(out, "integer", null);
  } else if (type == "number") {
    write_type(out, "number", null);
  } else if (type == "flag") {
    write_type(out, "boolean", null);
  } else {
    write_reference(out, type, null);
  }
}

void write_value(wire::JsonWriter& out, std::string_view type) {
  out.begin_object();
  write_inner(out, type);
  out.end_object();
}

struct Member {
  std::string_view name;
  std::string_view type;  // empty: a text that is always `value`
  std::string_view value;
  bool required = true;
};

// Those of the shape and of every shape that it takes over.
void collect(std::string_view text, std::vector<Member>& members) {
  while (!text.empty()) {
    std::string_view word = take_until(text, " ");
    while (text.starts_with(' ')) text.remove_prefix(1);
    const std::string_view name = take_until(word, "?:=");
    if (word.empty()) {
      collect(shape_named(name).members, members);
      continue;
    }
    Member member{name, {}, {}, !word.starts_with('?')};
    if (word.starts_with('?')) word.remove_prefix(1);
    (word.starts_with('=') ? member.value : member.type) = word.substr(1);
    members.push_back(member);
  }
}

void write_choice(wire::JsonWriter& out, std::string_view names) {
  out.begin_object().key("anyOf").begin_array();
  while (!names.empty()) {
    write_value(out, take_until(names, " |"));
    names.remove_prefix(std::min(names.find_first_not_of(" |"), names.size()));
  }
  out.end_array().end_object();
}

}  // namespace

std::span<const Shape> all_shapes() { return kShapes; }
std::span<const OperationShapes> all_operation_shapes() { return kOperations; }

const OperationShapes* shapes_of(std::string_view operation) {
  const auto found = std::find_if(kOperations.begin(), kOperations.end(),
                                  [&](const OperationShapes& one) { return one.operation == operation; });
  return found == kOperations.end() ? nullptr : &*found;
}

void write_schema(wire::JsonWriter& out, const Shape& shape) {
  if (shape.members.find(" | ") != std::string_view::npos) return write_choice(out, shape.members);
  std::vector<Member> members;
  collect(shape.members, members);
  out.begin_object().key("type").text("object").key("properties").begin_object();
  for (const Member& member : members) {
    out.key(member.name);
    if (member.type.empty()) {
      out.begin_object().key("const").text(member.value).end_object();
    } else {
      write_value(out, member.type);
    }
  }
  out.end_object().key("required").begin_array();
  for (const Member& member : members) {
    if (member.required) out.text(member.name);
  }
  out.end_array().key("additionalProperties").flag(false).end_object();
}

}  // namespace muster::front
