// What needs a person, worst first: each with words and a command that helps.
// Made for the front page of every client; nothing is counted for it that is not kept.
#pragma once

#include <string>
#include <vector>

#include "front/backend.h"
#include "wire/native/json_writer.h"

namespace muster::front::native {

// `live`: the live batches of the project; `recent`: some that ended last.
void write_attention(wire::JsonWriter& out, Backend& backend, const std::vector<engine::BatchView>& live,
                     const std::vector<BatchRow>& recent);

}  // namespace muster::front::native
