// A P-256 key and a certificate signed by itself.
// Files appear complete or not at all.
#include "net/certificate.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/escape.h"
#include "net/openssl.h"
#include "net/server_url.h"

namespace muster::net {
namespace {

constexpr long kLife_s = 10L * 365 * 24 * 3600;
constexpr long kRenew_s = 30L * 24 * 3600;
constexpr long kBefore_s = 24L * 3600;  // clocks of others may be behind

std::unexpected<Error> cannot(const std::string& verb, const std::string& path, const std::string& why) {
  return refuse(ErrorKind::usage, kMalformedValue, "cannot " + verb + " " + escape_text(path) + ": " + why,
                "look at the data folder's disk and owner");
}

Result<void> write_file(const std::string& path, BIO* text, mode_t mode) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text, &bytes);
  const std::string beside = path + ".new";
  unlink(beside.c_str());
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return cannot("write", path, std::strerror(errno));
  const bool written = write(file, bytes, static_cast<std::size_t>(size)) == size && fsync(file) == 0;
  const int number = errno;
  close(file);
  if (!written || rename(beside.c_str(), path.c_str()) != 0) {
    unlink(beside.c_str());
    return cannot("write", path, std::strerror(written ? errno : number));
  }
  return {};
}

Result<KeyPtr> read_key(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0) {
    return refuse(ErrorKind::not_allowed, kTokenFileOpen,
                  "the key file " + escape_text(path) + " can be read or changed by others",
                  "close it:  chmod 600 " + escape_text(path));
  }
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  KeyPtr key(file ? PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key) return cannot("read the key", path, openssl_complaint());
  return key;
}

Result<KeyPtr> read_or_make_key(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return read_key(path);
  KeyPtr key(EVP_EC_gen("P-256"));
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (!key ||
      PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return cannot("make a key for", path, openssl_complaint());
  if (Result<void> written = write_file(path, text.get(), 0600); !written)
    return std::unexpected(written.error());
  return key;
}

bool names_host(X509* certificate, const std::string& host) {
  return is_numeric(host) ? X509_check_ip_asc(certificate, host.c_str(), 0) == 1
                          : X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}

bool is_good(const std::string& path, EVP_PKEY* key, const std::vector<std::string>& hosts, Micros wall_us) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  const CertificatePtr found(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!found || X509_check_private_key(found.get(), key) != 1) {
    (void)openssl_complaint();
    return false;
  }
  time_t soon = static_cast<time_t>(wall_us / 1'000'000) + kRenew_s;
  time_t now = static_cast<time_t>(wall_us / 1'000'000);
  if (X509_cmp_time(X509_get0_notAfter(found.get()), &soon) != 1) return false;
  if (X509_cmp_time(X509_get0_notBefore(found.get()), &now) != -1) return false;
  return std::all_of(hosts.begin(), hosts.end(),
                     [&](const std::string& host) { return names_host(found.get(), host); });
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

CertificatePtr make_certificate(EVP_PKEY* key, const std::vector<std::string>& hosts, Micros wall_us) {
  CertificatePtr made(X509_new());
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  const time_t now = static_cast<time_t>(wall_us / 1'000'000);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), now - kBefore_s);
  ASN1_TIME_set(X509_getm_notAfter(made.get()), now + kLife_s);
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("muster"), -1,
                             -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_set_pubkey(made.get(), key);
  std::string names;
  for (const std::string& host : hosts)
    names += (names.empty() ? "" : ",") + std::string(is_numeric(host) ? "IP:" : "DNS:") + host;
  add_extension(made.get(), NID_subject_alt_name, names);
  add_extension(made.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), NID_ext_key_usage, "serverAuth");
  if (X509_sign(made.get(), key, EVP_sha256()) == 0) return nullptr;
  return made;
}

}  // namespace

Result<void> keep_own_certificate(const CertificateFiles& files, const std::vector<std::string>& hosts,
                                  Micros wall_us) {
  prepare_openssl();
  const Result<KeyPtr> key = read_or_make_key(files.key);
  if (!key) return std::unexpected(key.error());
  if (is_good(files.certificate, key->get(), hosts, wall_us)) return {};
  const CertificatePtr made = make_certificate(key->get(), hosts, wall_us);
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (!made || PEM_write_bio_X509(text.get(), made.get()) != 1)
    return cannot("make a certificate in", files.certificate, openssl_complaint());
  return write_file(files.certificate, text.get(), 0644);
}

}  // namespace muster::net
