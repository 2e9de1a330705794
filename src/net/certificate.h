// The certificate a server makes for itself: a key that stays the same for ever, and a certificate that is renewed with it.
// The key file is 0600 and never overwritten: who has pinned the key would be locked out.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace muster::net {

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// Makes what is missing; the certificate also when it ends within 30 days, or lacks one of the hosts (names or addresses).
// Errors: E203 when a file cannot be read or written, E109 when others may read the key.
Result<void> keep_own_certificate(const CertificateFiles& files, const std::vector<std::string>& hosts,
                                  Micros wall_us);

}  // namespace muster::net
