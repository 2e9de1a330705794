// The columns of contexts.
// They are read from the config file, never from a server.
#include "cli/views/columns.h"

namespace muster::cli {

namespace {

Cell current_of(const client::Json& context, const ViewContext& view) {
  const bool current = context["current"].truth();
  if (view.reader == Reader::script) return {current ? "true" : "false"};
  return {current ? "*" : "", Tone::good};
}

constexpr ViewColumn kColumns[] = {
    {"current", "USE", kMain, kLeft, 1, 0, &current_of},
    {"name", "NAME", kMain, kLeft, 0, 8, &text_at<"name">},
    {"url", "URL", kMain, kLeft, 0, 12, &text_at<"url">},
    {"data", "DATA", kMain, kLeft, 2, 12, &text_at<"data">},
    {"token_file", "TOKEN-FILE", kMain, kLeft, 4, 12, &text_at<"token_file">},
    {"project", "PROJECT", kMain, kLeft, 3, 8, &text_at<"project">},
    {"pin", "PIN", kWide, kLeft, 9, 8, &text_at<"pin">},
    {"ca_file", "CA-FILE", kWide, kLeft, 9, 8, &text_at<"ca_file">},
};

}  // namespace

const View kContextView = {"context", "contexts", "muster.contexts/1", kColumns,
                           [](const client::Json& context) { return std::string(context["name"].text()); }};

}  // namespace muster::cli
