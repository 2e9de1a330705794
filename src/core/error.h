// What a refusal looks like: one message with a stable code and a next step; bad input is this value, never an exception.
// Every code has a row in kErrorCatalogue (error.cpp); `muster help E204` prints it, and a test compares the two.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace muster {

// The exit code of the command line and the HTTP status both follow from the kind.
enum class ErrorKind : std::uint8_t {
  usage,         // malformed request                        exit 2   HTTP 400 (413 when a size limit is passed)
  not_found,     // no such thing                            exit 3   HTTP 404
  wrong_state,   // the thing is there, but not for this      exit 3   HTTP 409
  not_allowed,   // token missing, wrong or too weak         exit 4   HTTP 401 or 403
  infeasible,    // nothing can ever run it                  exit 5   HTTP 422
  confirmation,  // destruction without a yes                exit 6
  too_large,     // past a limit of the contract             exit 2   HTTP 413
  unreachable,   // no server                                exit 69
  temporary,     // try again: disk full, shutting down      exit 75  HTTP 503 or 507
};

struct Error {
  ErrorKind kind = ErrorKind::usage;
  std::string code;  // "E204"
  std::string what;  // one sentence: what is wrong, with the offending value; control characters already escaped
  std::string next;  // one sentence or command: what to do now; may be empty
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> refuse(ErrorKind kind, std::string code, std::string what, std::string next = {}) {
  return std::unexpected<Error>(Error{kind, std::move(code), std::move(what), std::move(next)});
}

// 0..255, as in the contract's table of exit codes.
int exit_code_of(ErrorKind kind);
// 400..599; 507 is chosen by the code E507 (disk full).
int http_status_of(const Error& error);

struct CatalogueEntry {
  const char* code;
  const char* title;  // five words
  const char* text;   // cause and cure, one paragraph
};
// Sorted by code, ended by a null code.
extern const CatalogueEntry kErrorCatalogue[];
const CatalogueEntry* find_error(const std::string& code);

}  // namespace muster
