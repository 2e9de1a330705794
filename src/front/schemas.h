// The shapes of requests and answers, written by hand in one line each; /openapi.json shows them, and the tests hold every call to them.
// Must hold: every operation has a row here; members are only ever added, and those of answers are all named.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "wire/native/json_writer.h"

namespace muster::front {

// "id:int note?:text|null items:[Batch]": members by name, `?` may be absent, then the type.
// Types: text int number flag time, <a,b> one of these words, [T] a list, {T} an object of such values, Name of another shape, and
// T|null. "schema=muster.batch/1" is that text. A name alone ("Batch") takes over all members of that shape; "A | B" alone is one of
// these shapes.
struct Shape {
  std::string_view name;
  std::string_view members;
};

// What goes in and comes out; empty: no body, or one that is not JSON.
struct OperationShapes {
  std::string_view operation;
  std::string_view request;
  std::string_view answer;
};

std::span<const Shape> all_shapes();
std::span<const OperationShapes> all_operation_shapes();
// Null when nothing is written down about it.
const OperationShapes* shapes_of(std::string_view operation);

// The shape as JSON Schema.
void write_schema(wire::JsonWriter& out, const Shape& shape);

}  // namespace muster::front
