// Exit codes and HTTP statuses of the kinds of error.
// The tables are those of the contract; the pages of the codes are in error_catalogue.cpp.
#include "core/error.h"

namespace muster {

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::too_large:
      return 2;
    case ErrorKind::not_found:
    case ErrorKind::wrong_state:
      return 3;
    case ErrorKind::not_allowed:
      return 4;
    case ErrorKind::infeasible:
      return 5;
    case ErrorKind::confirmation:
      return 6;
    case ErrorKind::unreachable:
      return 69;
    case ErrorKind::temporary:
      return 75;
  }
  return 1;
}

int http_status_of(const Error& error) {
  if (error.code == kInternal) return 500;
  if (error.code == kDiskFull) return 507;
  switch (error.kind) {
    case ErrorKind::usage:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::wrong_state:
      return 409;
    case ErrorKind::not_allowed:
      return error.code == kTokenMissing || error.code == kTokenWrong ? 401 : 403;
    case ErrorKind::infeasible:
      return 422;
    case ErrorKind::confirmation:
      return 428;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::unreachable:
    case ErrorKind::temporary:
      return 503;
  }
  return 500;
}

}  // namespace muster
