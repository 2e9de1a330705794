// What a refusal looks like: one message with a stable code and a next step; bad input is this value, never an exception.
// Every code has a row in kErrorCatalogue (error_catalogue.cpp); `muster help E204` prints it, and a test compares the two.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace muster {

// The exit code of the command line and the HTTP status both follow from the kind.
enum class ErrorKind : std::uint8_t {
  usage,      // malformed request                        exit 2   HTTP 400 (413 when a size limit is passed)
  not_found,  // no such thing                            exit 3   HTTP 404
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
  std::string
      what;  // one sentence: what is wrong, with the offending value; control characters already escaped
  std::string next;  // one sentence or command: what to do now; may be empty
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> refuse(ErrorKind kind, std::string code, std::string what,
                                     std::string next = {}) {
  return std::unexpected<Error>(Error{kind, std::move(code), std::move(what), std::move(next)});
}

// 0..255, as in the contract's table of exit codes.
int exit_code_of(ErrorKind kind);
// 400..599; 507 is chosen by the code E507 (disk full).
int http_status_of(const Error& error);

// The codes, so that nobody spells one by hand. Rows may be added, never renumbered: scripts and pages refer to them.
inline constexpr const char* kNoServer = "E101";
inline constexpr const char* kPortInUse = "E102";
inline constexpr const char* kDataFolderInUse = "E103";
inline constexpr const char* kDatabaseNewer = "E104";
inline constexpr const char* kDatabaseDamaged = "E105";
inline constexpr const char* kTokenMissing = "E106";
inline constexpr const char* kTokenWrong = "E107";
inline constexpr const char* kServerStartingOrStopping = "E108";
inline constexpr const char* kTokenFileOpen = "E109";
inline constexpr const char* kOutputFailed = "E110";
inline constexpr const char* kNoDatabase = "E111";

inline constexpr const char* kMalformedSelector = "E201";
inline constexpr const char* kNoSuchThing = "E202";  // batch, task, attempt, worker
inline constexpr const char* kMalformedValue = "E203";
inline constexpr const char* kUnknownPlaceholder = "E204";
inline constexpr const char* kPlaceholderWithoutValue = "E205";
inline constexpr const char* kPlaceholderUnquotable = "E206";
inline constexpr const char* kTableError = "E207";
inline constexpr const char* kArrayError = "E208";
inline constexpr const char* kInfeasible = "E209";
inline constexpr const char* kDependencyCycle = "E210";
inline constexpr const char* kKeyReused = "E211";  // the same --key with another body
inline constexpr const char* kWrongState = "E212";
inline constexpr const char* kBatchClosed = "E213";
inline constexpr const char* kNoItems = "E214";
inline constexpr const char* kMalformedBody = "E215";
inline constexpr const char* kConfirmationNeeded = "E216";
inline constexpr const char* kIndexUsed = "E217";
inline constexpr const char* kArgumentsTooLong = "E218";
inline constexpr const char* kUnknownWord = "E219";  // a command, option or help topic
inline constexpr const char* kMalformedFilter = "E220";

// How a task failed; only in the help catalogue and in an attempt's report.
inline constexpr const char* kTaskCommandNotFound = "E301";
inline constexpr const char* kTaskFolderMissing = "E302";
inline constexpr const char* kTaskOutOfMemory = "E303";
inline constexpr const char* kTaskTimeout = "E304";
inline constexpr const char* kTaskWorkerLost = "E305";
inline constexpr const char* kTaskPoison = "E306";

inline constexpr const char* kNotAllowed = "E401";

inline constexpr const char* kInternal = "E501";
inline constexpr const char* kBusy = "E503";
inline constexpr const char* kDiskFull = "E507";
inline constexpr const char* kBodyTooLarge = "E513";

struct CatalogueEntry {
  const char* code;
  const char* title;    // five words
  const char* cause;    // what it means, in whole sentences
  const char* fix;      // what to do, in whole sentences
  const char* example;  // a command that does it
};
// Sorted by code, ended by a null code.
extern const CatalogueEntry kErrorCatalogue[];
const CatalogueEntry* find_error(const std::string& code);

}  // namespace muster
