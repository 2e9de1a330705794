// Sessions over a BIO of our own: it sends without SIGPIPE, which the command line leaves as the system has it.
// A pin is compared with the public key, so that a renewed certificate of the same key stays good.
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/escape.h"
#include "net/openssl.h"

namespace muster::net {
namespace {

constexpr std::array<const char*, 5> kAuthorityFiles = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"};

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

int bio_read(BIO* bio, char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = recv(socket_of(bio), bytes, static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "muster socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return made;
  }();
  return method;
}

int clamp_size(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

void prepare_openssl() {
  static const bool ready = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1;
  MUSTER_CHECK(ready, "OpenSSL can be used");
}

std::string openssl_complaint() {
  const unsigned long last = ERR_peek_last_error();
  const char* reason = last == 0 ? nullptr : ERR_reason_error_string(last);
  const bool system = last != 0 && ERR_SYSTEM_ERROR(last);
  std::string text = system ? std::strerror(ERR_GET_REASON(last)) : reason == nullptr ? "" : reason;
  ERR_clear_error();
  return text.empty() ? "unknown reason" : text;
}

std::string pin_of(X509* certificate) {
  X509_PUBKEY* key = certificate == nullptr ? nullptr : X509_get_X509_PUBKEY(certificate);
  unsigned char* bytes = nullptr;
  const int size = key == nullptr ? 0 : i2d_X509_PUBKEY(key, &bytes);
  if (size <= 0) return {};
  std::array<unsigned char, 32> hash{};
  EVP_Digest(bytes, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(bytes);
  std::array<unsigned char, 48> text{};
  const int digits = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
  return "sha256//" +
         std::string(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(digits));
}

// ---- one session

TlsSession::TlsSession(ssl_st* session, TlsRole role, std::string pin)
    : session_(session), role_(role), pin_(std::move(pin)), trusted_(role == TlsRole::server) {}

TlsSession::~TlsSession() { SSL_free(session_); }

TlsStep TlsSession::judge(int result) {
  if (result > 0) return TlsStep::done;
  const int number = errno;
  switch (SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ:
      return TlsStep::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return TlsStep::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return TlsStep::ended;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      why_ = result == 0 || number == 0 ? "the connection was closed" : std::strerror(number);
      return result == 0 || number == 0 ? TlsStep::ended : TlsStep::failed;
    default:
      break;
  }
  const unsigned long last = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(last);
  const long verdict = SSL_get_verify_result(session_);
  why_ = openssl_complaint();
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return TlsStep::ended;
  plain_http_ = role_ == TlsRole::server && reason == SSL_R_HTTP_REQUEST;
  if (role_ == TlsRole::client && reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
    distrusted_ = true;
    why_ = X509_verify_cert_error_string(verdict);
  }
  if (reason == SSL_R_WRONG_VERSION_NUMBER) why_ = "what answers does not speak TLS";
  return TlsStep::failed;
}

bool TlsSession::is_pinned_peer() {
  const CertificatePtr peer(SSL_get1_peer_certificate(session_));
  const std::string found = pin_of(peer.get());
  if (found.size() == pin_.size() && CRYPTO_memcmp(found.data(), pin_.data(), pin_.size()) == 0) return true;
  distrusted_ = true;
  why_ = "its key is " + (found.empty() ? "missing" : found) + ", not " + pin_;
  return false;
}

TlsStep TlsSession::handshake() {
  if (trusted_ && role_ == TlsRole::client) return TlsStep::done;
  ERR_clear_error();
  const TlsStep step = judge(SSL_do_handshake(session_));
  if (step != TlsStep::done || role_ == TlsRole::server) return step;
  if (!pin_.empty() && !is_pinned_peer()) return TlsStep::failed;
  trusted_ = true;
  return step;
}

TlsMoved TlsSession::read(void* bytes, std::size_t size) {
  MUSTER_CHECK(trusted_, "nothing is read from a peer that has not proved who it is");
  ERR_clear_error();
  const int count = SSL_read(session_, bytes, clamp_size(size));
  return {judge(count), count > 0 ? static_cast<std::size_t>(count) : 0};
}

TlsMoved TlsSession::write(const void* bytes, std::size_t size) {
  MUSTER_CHECK(trusted_, "nothing is told to a peer that has not proved who it is");
  ERR_clear_error();
  const int count = SSL_write(session_, bytes, clamp_size(size));
  return {judge(count), count > 0 ? static_cast<std::size_t>(count) : 0};
}

void TlsSession::say_end() {
  ERR_clear_error();
  if (SSL_is_init_finished(session_) != 0) SSL_shutdown(session_);
  ERR_clear_error();
}

// ---- contexts

namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;

ContextPtr make_context(const SSL_METHOD* method) {
  prepare_openssl();
  ContextPtr context(SSL_CTX_new(method));
  MUSTER_CHECK(context != nullptr, "OpenSSL gives a context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

std::unexpected<Error> bad_file(const std::string& what, const std::string& file) {
  return refuse(ErrorKind::usage, kMalformedValue,
                "the " + what + " " + escape_text(file) + " cannot be used: " + openssl_complaint(),
                "it has to be a PEM file that this user may read");
}

}  // namespace

TlsContext::TlsContext(ssl_ctx_st* context, TlsRole role, std::string pin)
    : context_(context), role_(role), pin_(std::move(pin)) {}

TlsContext::TlsContext(TlsContext&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)), role_(other.role_), pin_(std::move(other.pin_)) {}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<TlsContext> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
  ContextPtr context = make_context(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
    return bad_file("certificate", certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_file("key", key_file);
  std::string pin = pin_of(SSL_CTX_get0_certificate(context.get()));
  return TlsContext(context.release(), TlsRole::server, std::move(pin));
}

Result<TlsContext> TlsContext::client(const TlsTrust& trust) {
  ContextPtr context = make_context(TLS_client_method());
  if (!trust.pin.empty()) return TlsContext(context.release(), TlsRole::client, trust.pin);
  std::string file = trust.ca_file;
  for (const char* known : kAuthorityFiles) {
    if (file.empty() && access(known, R_OK) == 0) file = known;
  }
  if (file.empty()) {
    return refuse(ErrorKind::usage, kMalformedValue,
                  "this machine has no list of certificate authorities, so no certificate can be checked",
                  "give the server's fingerprint: --pin sha256//…");
  }
  if (SSL_CTX_load_verify_file(context.get(), file.c_str()) != 1)
    return bad_file("file of authorities", file);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return TlsContext(context.release(), TlsRole::client, {});
}

std::unique_ptr<TlsSession> TlsContext::open(int socket, const std::string& host) const {
  ssl_st* session = SSL_new(context_);
  BIO* bio = BIO_new(socket_method());
  MUSTER_CHECK(session != nullptr && bio != nullptr, "OpenSSL gives a session");
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  SSL_set_bio(session, bio, bio);
  if (role_ == TlsRole::server) {
    SSL_set_accept_state(session);
  } else {
    SSL_set_connect_state(session);
    if (is_numeric(host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
    } else {
      SSL_set1_host(session, host.c_str());
      SSL_set_tlsext_host_name(session, host.c_str());
    }
  }
  return std::unique_ptr<TlsSession>(new TlsSession(session, role_, pin_));
}

}  // namespace muster::net
