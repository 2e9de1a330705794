// The words for what happens in a run.
// Must hold: short; empty parts are left out.
#include "sim/describe.h"

namespace muster::sim {

namespace {

template <class List, class Word>
void add_list(std::string& text, std::string_view name, const List& list, Word word) {
  if (list.empty()) return;
  text += " " + std::string(name) + ":";
  for (const auto& one : list) text += " " + word(one);
}

std::string describe_verb(ChangeVerb verb) {
  static constexpr std::string_view kNames[] = {"cancel", "hold", "release", "retry", "set"};
  return std::string(kNames[static_cast<std::size_t>(verb)]);
}

std::string describe_target(const Target& target) {
  std::string text = std::to_string(target.batch);
  for (const IndexSpan& span : target.ranges)
    text += "." + std::to_string(span.first) + "-" + std::to_string(span.last);
  return text;
}

std::string describe_dependency(const Dependency& dependency) {
  static constexpr std::string_view kKinds[] = {"batch ", "task ", "each "};
  std::string text =
      std::string(kKinds[static_cast<std::size_t>(dependency.kind)]) + std::to_string(dependency.batch);
  if (dependency.kind == DependencyKind::task) text += "." + std::to_string(dependency.index);
  return dependency.any_end ? text + " any" : text;
}

std::string describe_submit(const Submit& submit) {
  std::string text = "submit into " + std::to_string(submit.batch) + " \"" + submit.batch_name + "\" key \"" +
                     submit.key + "\"";
  for (const IndexSeries& one : submit.series) {
    text += " " + std::to_string(one.first) + "-" + std::to_string(one.last) + ":" + std::to_string(one.step);
  }
  if (submit.item_count > 0) text += " items " + std::to_string(submit.item_count);
  add_list(text, "after", submit.dependencies, describe_dependency);
  const Resources& wanted = submit.body->resources;
  text += " needs " + std::to_string(wanted.cpu_slots) + "/" + std::to_string(wanted.gpu_slots) + "/" +
          std::to_string(wanted.cpus) + "/" + std::to_string(wanted.mem_mb) + "/" +
          std::to_string(wanted.disk_mb);
  text += " retries " + std::to_string(submit.body->retries);
  if (submit.max_running > 0) text += " max-running " + std::to_string(submit.max_running);
  if (submit.body->rerun == Rerun::never) text += " rerun never";
  if (submit.held) text += " held";
  if (submit.closed) text += " closed";
  if (submit.dry_run) text += " dry";
  return text;
}

std::string describe_facts(const WorkerFacts& facts) {
  const Capacity& has = facts.capacity;
  return facts.boot_id + " " + std::to_string(has.cpu_slots) + "/" + std::to_string(has.gpu_slots) + "/" +
         std::to_string(has.cpus) + "/" + std::to_string(has.mem_mb) + "/" + std::to_string(has.disk_mb);
}

struct DescribeInput {
  std::string operator()(const Submit& one) const { return describe_submit(one); }
  std::string operator()(const Change& one) const {
    std::string text = describe_verb(one.verb);
    add_list(text, "of", one.targets, describe_target);
    if (!one.options.empty()) text += " changed";
    return one.dry_run ? text + " dry" : text;
  }
  std::string operator()(const SetBatch& one) const { return "set batch " + std::to_string(one.batch); }
  std::string operator()(const SetWorker& one) const {
    std::string text = "set worker " + std::to_string(one.worker);
    if (one.settings.cpu_slots) text += " slots " + std::to_string(*one.settings.cpu_slots);
    if (one.settings.gpu_slots) text += " gpus " + std::to_string(*one.settings.gpu_slots);
    if (one.settings.serves) text += " serves " + *one.settings.serves;
    if (one.settings.labels) text += " labels " + std::to_string(one.settings.labels->size());
    return text;
  }
  std::string operator()(const WriteRows&) const { return "rows"; }
  std::string operator()(const CreateWorker& one) const {
    return "create worker " + one.settings.name.value_or("");
  }
  std::string operator()(const ChangeWorker& one) const {
    return std::string(to_text(one.verb)) + " worker " + std::to_string(one.worker) +
           (one.dry_run ? " dry" : "");
  }
  std::string operator()(const SetLimit& one) const {
    return "limit " + std::string(to_text(one.limit.scope)) + " " + one.limit.name;
  }
  std::string operator()(const AgentConnected& one) const {
    return "hello " + std::to_string(one.session) + " of " + one.hello.spool_id + " " +
           describe_facts(one.hello.facts);
  }
  std::string operator()(const AgentSaid& one) const { return describe(one.message); }
  std::string operator()(const AgentGone& one) const { return "gone " + std::to_string(one.session); }
  std::string operator()(const LoadedBatch& one) const {
    return "loaded batch " + std::to_string(one.snapshot.batch.id);
  }
  std::string operator()(const DiskSpace& one) const {
    return one.state == SpaceState::low ? "disk low" : "disk plenty";
  }
  std::string operator()(const Tick&) const { return "tick"; }
  std::string operator()(const ShutDown& one) const {
    return one.tasks == StopTasks::stop ? "down" : "down, tasks go on";
  }
};

}  // namespace

std::string describe(TaskRef task) { return std::to_string(task.batch) + "." + std::to_string(task.index); }

std::string describe(const AttemptRef& attempt) {
  return describe(attempt.task()) + "#" + std::to_string(attempt.number) + "/" +
         std::to_string(attempt.incarnation);
}

std::string describe(const Input& input) { return std::visit(DescribeInput{}, input); }

std::string describe(const ReplyBody& body) {
  if (const auto* error = std::get_if<Error>(&body)) return error->code + " " + error->what;
  if (const auto* changed = std::get_if<Changed>(&body)) {
    return std::to_string(changed->count) + " changed, " + std::to_string(changed->skipped) + " skipped";
  }
  if (const auto* done = std::get_if<Submitted>(&body)) {
    return "batch " + std::to_string(done->batch) + " tasks " + std::to_string(done->first_index) + "-" +
           std::to_string(done->last_index) + " count " + std::to_string(done->count) + " number " +
           std::to_string(done->first_number) + (done->replayed ? " again" : "");
  }
  return "done";
}

std::string describe(const AgentMessage& message) {
  std::string text = "agent says " + std::to_string(message.session) + "/" + std::to_string(message.seq) +
                     " seen " + std::to_string(message.seen_seq) + (message.full ? " full" : "");
  add_list(text, "have", message.have,
           [](const Have& have) { return describe(have.attempt) + " " + std::string(to_text(have.phase)); });
  add_list(text, "ended", message.finished, [](const Finished& end) {
    return describe(end.attempt) + " " + std::string(to_text(end.outcome)) + "(" +
           std::string(to_text(end.cause)) + ")";
  });
  if (message.facts) text += " facts " + describe_facts(*message.facts);
  return text;
}

std::string describe(const ServerMessage& message) {
  std::string text = "server says " + std::to_string(message.session) + "/" + std::to_string(message.seq);
  add_list(text, "templates", message.templates,
           [](const TemplateDefinition& one) { return std::to_string(one.id); });
  add_list(text, "grants", message.grants, [](const Grant& grant) {
    return describe(AttemptRef{grant.batch, grant.first_index, grant.attempt, grant.incarnation}) + "+" +
           std::to_string(grant.count);
  });
  static constexpr std::string_view kReasons[] = {"cancel", "shutdown", "stale", "recall"};
  static_assert(std::size(kReasons) == static_cast<std::size_t>(StopReason::recall) + 1);
  add_list(text, "stops", message.stops, [](const Stop& stop) {
    return describe(stop.attempt) + " " + std::string(kReasons[static_cast<std::size_t>(stop.reason)]);
  });
  add_list(text, "forget", message.forget, [](const AttemptRef& one) { return describe(one); });
  return text;
}

std::string describe(const KeeperRequest& request) {
  std::string text = "asks keeper";
  add_list(text, "starts", request.starts, [](const KeeperStart& one) { return describe(one.attempt); });
  add_list(text, "stops", request.stops, [](const KeeperStop& one) { return describe(one.attempt); });
  add_list(text, "forget", request.forget, [](const AttemptRef& one) { return describe(one); });
  if (request.run_queue_width >= 0) text += " width " + std::to_string(request.run_queue_width);
  if (request.deadline_mono_us >= 0) text += " deadline " + std::to_string(request.deadline_mono_us);
  return text;
}

std::string describe(const KeeperReport& report) {
  std::string text = "keeper says";
  add_list(text, "started", report.started, [](const KeeperStarted& one) { return describe(one.attempt); });
  add_list(text, "ended", report.ended, [](const KeeperEnd& one) { return describe(one.attempt); });
  add_list(text, "queued", report.queued, [](const KeeperQueued& one) { return describe(one.attempt); });
  return text;
}

}  // namespace muster::sim
