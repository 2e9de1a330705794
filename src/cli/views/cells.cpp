// Making cells.
// A state is never told by colour alone: sign and word always stand beside it.
#include "cli/views/cells.h"

#include <cmath>

#include "client/text.h"
#include "core/units.h"

namespace muster::cli {

using client::join_text;
using client::Json;

namespace {

bool for_person(const ViewContext& context) { return context.reader == Reader::person; }

struct StateLook {
  std::string_view state;
  std::string_view sign;
  std::string_view ascii;
  Tone tone;
};

constexpr StateLook kLooks[] = {
    {"succeeded", "✓", "+", Tone::good},   {"failed", "✗", "x", Tone::bad},
    {"ended", "✗", "x", Tone::bad},        {"broken", "✗", "x", Tone::bad},
    {"lost", "✗", "x", Tone::bad},         {"running", "▶", ">", Tone::busy},
    {"trial", "▶", ">", Tone::busy},       {"online", "✓", "+", Tone::good},
    {"held", "‖", "=", Tone::warning},     {"paused", "‖", "=", Tone::warning},
    {"draining", "‖", "=", Tone::warning}, {"quarantined", "✗", "x", Tone::bad},
    {"cancelled", "-", "-", Tone::dim},    {"cancelling", "-", "-", Tone::warning},
    {"refused", "-", "-", Tone::dim},      {"offline", "✗", "x", Tone::warning},
    {"removed", "-", "-", Tone::dim},      {"assigned", "▶", ">", Tone::busy},
    {"fetching", "▶", ">", Tone::busy},    {"staged", "▶", ">", Tone::busy},
    {"executing", "▶", ">", Tone::busy},   {"storing", "▶", ">", Tone::busy},
    {"verifying", "▶", ">", Tone::busy},   {"stopping", "▶", ">", Tone::warning},
};

const StateLook* look_of(std::string_view state) {
  for (const StateLook& look : kLooks) {
    if (look.state == state) return &look;
  }
  return nullptr;
}

std::string number_text(const Json& value) { return value.serialize(); }

}  // namespace

Tone tone_of_state(std::string_view state) {
  const StateLook* look = look_of(state);
  return look != nullptr ? look->tone : Tone::plain;
}

std::string_view sign_of_state(std::string_view state, bool signs) {
  const StateLook* look = look_of(state);
  if (look == nullptr) return signs ? "·" : ".";
  return signs ? look->sign : look->ascii;
}

Cell dash(const ViewContext& context) { return for_person(context) ? Cell{"-", Tone::dim} : Cell{}; }

Cell text_cell(const Json& value, const ViewContext& context) {
  if (value.is_null() || (value.is_text() && value.text().empty())) return dash(context);
  return {value.is_text() ? std::string(value.text()) : value.serialize()};
}

Cell number_cell(const Json& value, const ViewContext& context) {
  if (!value.is_number()) return dash(context);
  return {number_text(value)};
}

Cell count_cell(const Json& value, const ViewContext& context, Tone tone) {
  if (!value.is_number()) return dash(context);
  if (for_person(context) && value.number() == 0) return {"0", Tone::dim};
  return {number_text(value), tone};
}

Cell flag_cell(const Json& value, const ViewContext& context) {
  if (!value.is_truth()) return dash(context);
  if (for_person(context)) return value.truth() ? Cell{"yes"} : Cell{"no", Tone::dim};
  return {value.truth() ? "true" : "false"};
}

Cell seconds_cell(const Json& value, const ViewContext& context) {
  if (!value.is_number()) return dash(context);
  if (!for_person(context)) return {number_text(value)};
  return {format_duration(static_cast<std::int64_t>(std::llround(value.real() * 1e6)))};
}

Cell memory_cell(const Json& mebibytes, const ViewContext& context) {
  if (!mebibytes.is_number()) return dash(context);
  if (!for_person(context)) return {number_text(mebibytes)};
  return {format_bytes(static_cast<std::uint64_t>(std::max(0.0, mebibytes.real()) * 1048576.0))};
}

Cell bytes_cell(const Json& bytes, const ViewContext& context) {
  if (!bytes.is_number()) return dash(context);
  return {for_person(context) ? format_bytes(bytes.number()) : number_text(bytes)};
}

std::string relative_time(std::int64_t wall_us, std::int64_t now_wall_us) {
  const std::int64_t age_us = now_wall_us - wall_us;
  if (age_us > -1'000'000 && age_us < 1'000'000) return "now";
  const std::int64_t whole_us = (age_us < 0 ? -age_us : age_us) / 1'000'000 * 1'000'000;
  return age_us < 0 ? join_text("in ", format_duration(whole_us))
                    : join_text(format_duration(whole_us), " ago");
}

Cell time_cell(const Json& value, const ViewContext& context) {
  if (!value.is_text()) return dash(context);
  if (!for_person(context)) return {std::string(value.text())};
  const Result<std::int64_t> wall_us = parse_rfc3339(value.text());
  return {wall_us ? relative_time(*wall_us, context.now_wall_us) : std::string(value.text())};
}

Cell state_cell(std::string_view state, const ViewContext& context, std::string_view shown) {
  if (!for_person(context)) return {std::string(state)};
  const std::string_view word = shown.empty() ? state : shown;
  return {join_text(sign_of_state(state, context.signs), ' ', word), tone_of_state(state)};
}

}  // namespace muster::cli
