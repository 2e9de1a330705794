// Names of hosts to numeric addresses, without the system's name service, whose plug-ins a static program cannot load.
// Looked at in this order: /etc/hosts, then the name servers of /etc/resolv.conf. It waits; a few seconds at most.
#pragma once

#include <string>
#include <vector>

namespace muster::net {

// A numeric address gives itself. Empty: the name is not known, or no name server answers.
std::vector<std::string> resolve_host(const std::string& name);

// The addresses of a name in a text of the form of /etc/hosts.
std::vector<std::string> find_in_hosts(const std::string& text, const std::string& name);

}  // namespace muster::net
