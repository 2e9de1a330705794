// A key for a submission that may have to be said twice: the server takes what carries the same key as the same submission.
// 128 random bits of the kernel; empty if it gives none, and then nothing may be said twice.
#pragma once

#include <string>

namespace muster::client {

std::string new_submission_key();

}  // namespace muster::client
