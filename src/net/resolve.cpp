// /etc/hosts by hand, DNS by the C library's own resolver.
// IPv4 comes before IPv6: where both are there, more networks carry the first.
#include "net/resolve.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "net/server_url.h"

namespace muster::net {
namespace {

constexpr int kAskSeconds = 2;
constexpr int kAskTimes = 2;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string address_text(const ns_rr& record, int type) {
  const std::size_t size = type == ns_t_a ? sizeof(in_addr) : sizeof(in6_addr);
  if (ns_rr_rdlen(record) != size) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = type == ns_t_a ? AF_INET : AF_INET6;
  if (inet_ntop(family, ns_rr_rdata(record), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

void ask(struct __res_state& resolver, const std::string& name, int type, std::vector<std::string>& found) {
  std::array<unsigned char, 4096> answer{};
  const int size = res_nsearch(&resolver, name.c_str(), ns_c_in, type, answer.data(), answer.size());
  ns_msg message{};
  if (size <= 0 || ns_initparse(answer.data(), std::min<int>(size, answer.size()), &message) != 0) return;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record{};
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) return;
    if (ns_rr_type(record) != type) continue;
    if (std::string text = address_text(record, type); !text.empty()) found.push_back(std::move(text));
  }
}

}  // namespace

std::vector<std::string> find_in_hosts(const std::string& text, const std::string& name) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    words >> address;
    if (!is_numeric(address)) continue;
    for (std::string word; words >> word;) {
      if (lower(word) == lower(name)) {
        found.push_back(address);
        break;
      }
    }
  }
  return found;
}

std::vector<std::string> resolve_host(const std::string& name) {
  if (is_numeric(name)) return {name};
  std::ifstream file("/etc/hosts");
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<std::string> found = find_in_hosts(text.str(), name);
  if (!found.empty()) return found;
  struct __res_state resolver{};
  if (res_ninit(&resolver) != 0) return {};
  resolver.retrans = kAskSeconds;
  resolver.retry = kAskTimes;
  ask(resolver, name, ns_t_a, found);
  if (found.empty()) ask(resolver, name, ns_t_aaaa, found);
  res_nclose(&resolver);
  return found;
}

}  // namespace muster::net
