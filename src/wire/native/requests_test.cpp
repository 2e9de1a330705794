// Bodies of the native API: defaults, every member, and what may not stand beside what.
// Members of one verb are unknown to another.
#include "wire/native/requests.h"

#include <gtest/gtest.h>

namespace muster::wire {
namespace {

TEST(SubmitRequest, DefaultsAreThoseOfTheCommandLine) {
  const Result<SubmitRequest> request = read_submit(R"({"command":["true"]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->command, std::vector<std::string>{"true"});
  EXPECT_EQ(request->resources, Resources{});
  EXPECT_EQ(request->grace_us, 10'000'000);
  EXPECT_EQ(request->log_max_bytes, 64ULL << 20);
  EXPECT_EQ(request->cwd, "none");
  EXPECT_FALSE(request->shell || request->has_items || request->held || request->closed || request->dry_run);
}

TEST(SubmitRequest, EveryMember) {
  const Result<SubmitRequest> read = read_submit(R"({
    "command":["a b"],"shell":"bash","name":"n","batch":"b","array":"1-3","slots":2,"gpus":1,"cpus":3,"mem_mb":4,"disk_mb":5,
    "time_s":6.5,"grace_s":7,"retries":8,"max_running":9,"priority":-10,"after":["1"],"after_any":["2"],"after_each":["3"],
    "env":{"B":"1","A":"2"},"cwd":"/x","labels":{"l":"v"},"rerun":"never","log_max_bytes":11,"held":true,"closed":true,"dry_run":true})");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->shell, "bash");
  EXPECT_EQ(read->name + read->batch + read->array, "nb1-3");
  EXPECT_EQ(read->resources, (Resources{2, 1, 3, 4, 5}));
  EXPECT_EQ(read->time_limit_us, 6'500'000);
  EXPECT_EQ(read->grace_us, 7'000'000);
  EXPECT_EQ(read->retries, 8U);
  EXPECT_EQ(read->max_running, 9U);
  EXPECT_EQ(read->priority, -10);
  EXPECT_EQ(read->after[0] + read->after_any[0] + read->after_each[0], "123");
  EXPECT_EQ(read->environment, (std::vector<std::pair<std::string, std::string>>{{"B", "1"}, {"A", "2"}}));
  EXPECT_EQ(read->labels.front().second, "v");
  EXPECT_EQ(read->cwd, "/x");
  EXPECT_EQ(read->rerun, Rerun::never);
  EXPECT_EQ(read->log_max_bytes, 11U);
  EXPECT_TRUE(read->held && read->closed && read->dry_run);
}

TEST(SubmitRequest, AGpuTakesNoCpuSlotUnlessAsked) {
  EXPECT_EQ(read_submit(R"({"command":["t"],"gpus":2})")->resources, (Resources{0, 2, 0, 0, 0}));
  EXPECT_EQ(read_submit(R"({"command":["t"],"gpus":2,"slots":1})")->resources, (Resources{1, 2, 0, 0, 0}));
}

TEST(SubmitRequest, LinesAndTablesBecomeBlocks) {
  const Result<SubmitRequest> lines = read_submit(R"({"command":["t"],"lines":["a","","c\nd"]})");
  ASSERT_TRUE(lines && lines->has_items);
  EXPECT_EQ(lines->item_count, 3U);
  EXPECT_EQ(lines->items.size(), 1U);
  EXPECT_EQ(lines->items[0]->field(2, 0), "c\nd");
  EXPECT_TRUE(lines->items[0]->consistent());
  const Result<SubmitRequest> table =
      read_submit(R"({"command":["t"],"table":{"columns":["x","y"],"rows":[["1","2"],["3","4"]]}})");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->columns, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(table->items[0]->field(1, 1), "4");
  std::string many = R"({"command":["t"],"lines":[)";
  for (int i = 0; i < 3000; ++i) many += (i == 0 ? "\"" : ",\"") + std::string(1000, 'x') + "\"";
  const Result<SubmitRequest> large = read_submit(many + "]}");
  ASSERT_TRUE(large);
  EXPECT_EQ(large->items.size(), 3U);
  EXPECT_EQ(large->item_count, 3000U);
}

TEST(SubmitRequest, RefusalsNameThePlace) {
  const auto what = [](std::string_view json) {
    const Result<SubmitRequest> read = read_submit(json);
    return read ? std::string("accepted") : read.error().code + " " + read.error().what;
  };
  EXPECT_NE(what(R"({"command":["t"],"lines":[],"table":{"columns":["a"]}})").find("\"table\""),
            std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"lines":["a",1]})").find("E207 item 2"), std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"lines":["a\u0000b"]})").find("NUL"), std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"table":{"columns":["a","a"],"rows":[]}})").find("twice"),
            std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"table":{"columns":[],"rows":[]}})").find("no columns"),
            std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"table":{"columns":["a","b"],"rows":[["1","2"],["3"]]}})").find("row 2"),
            std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"table":{"columns":["a","b"],"rows":[["1",2]]}})").find("column \"b\""),
            std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"table":{"cols":["a"]}})").find("\"cols\""), std::string::npos);
  EXPECT_NE(what(R"({"command":["t"],"rerun":"sometimes"})").find("\"rerun\""), std::string::npos);
}

TEST(ChangeRequest, OptionsBelongToARetry) {
  const char* const json =
      R"({"selectors":["1","2.3"],"reason":"r","dry_run":true,"mem_mb":5,"env":{"A":"B"},"time_s":1})";
  const Result<ChangeRequest> retry = read_change(json, ChangeVerb::retry);
  ASSERT_TRUE(retry) << retry.error().what;
  EXPECT_EQ(retry->selectors, (std::vector<std::string>{"1", "2.3"}));
  EXPECT_EQ(retry->options.mem_mb, 5U);
  EXPECT_EQ(retry->options.time_limit_us, 1'000'000);
  EXPECT_FALSE(retry->options.cpus);
  const Result<ChangeRequest> cancel = read_change(json, ChangeVerb::cancel);
  ASSERT_FALSE(cancel);
  EXPECT_NE(cancel.error().what.find("\"mem_mb\""), std::string::npos);
}

TEST(SetRequests, OnlyWhatIsGivenIsSet) {
  const Result<SetBatch> batch = read_set_batch(R"({"priority":3,"closed":false})");
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->priority, 3);
  EXPECT_EQ(batch->closed, false);
  EXPECT_FALSE(batch->max_running || batch->name || batch->dry_run);
  EXPECT_EQ(read_set_batch(R"({"max_running":0,"name":"x"})")->max_running, 0U);
  EXPECT_EQ(read_worker_settings(R"({"slots":0})")->settings.cpu_slots, 0U);
  EXPECT_FALSE(read_worker_settings(R"({"cpus":1})"));
  const auto worker = read_worker_settings(
      R"({"name":"big","labels":{"storage":"lustre"},"offers":{"license":4},"serves":"","lease_s":90})");
  ASSERT_TRUE(worker);
  EXPECT_EQ(worker->settings.name, "big");
  EXPECT_EQ(worker->settings.labels, (Labels{{"storage", "lustre"}}));
  EXPECT_EQ(worker->settings.offers, (NamedAmounts{{"license", 4}}));
  EXPECT_EQ(worker->settings.serves, "");
  EXPECT_EQ(worker->settings.lease_us, 90'000'000);
  EXPECT_FALSE(worker->settings.cpu_slots || worker->settings.gpu_slots);
  EXPECT_FALSE(read_worker_settings(R"({"offers":{"license":-1}})"));
  EXPECT_EQ(read_worker_change(R"({"reason":"old","dry_run":true})")->reason, "old");
  EXPECT_EQ(read_limit(R"({"max_running":3})")->limit.max_running, 3U);
  EXPECT_EQ(read_limit("{}")->limit.weight, 1U);
}

TEST(ShutDownRequest, AnEmptyBodyStopsTasks) {
  EXPECT_EQ(read_shut_down(""), StopTasks::stop);
  EXPECT_EQ(read_shut_down("{}"), StopTasks::stop);
  EXPECT_EQ(read_shut_down(R"({"keep_running":true})"), StopTasks::keep_running);
  EXPECT_FALSE(read_shut_down(R"({"keep":true})"));
}

}  // namespace
}  // namespace muster::wire
