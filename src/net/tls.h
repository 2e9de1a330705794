// TLS 1.2 or newer over a socket that does not block; OpenSSL is known to this room only.
// A client's session carries no byte of ours before the peer has proved who it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "net/server_url.h"

struct ssl_st;
struct ssl_ctx_st;

namespace muster::net {

enum class TlsStep : std::uint8_t {
  done,         // so many bytes went through; of a handshake: it is complete
  wants_read,   // wait until the socket is readable, then call the same again
  wants_write,  // … writable
  ended,        // the peer has closed
  failed,       // see why()
};

struct TlsMoved {
  TlsStep step = TlsStep::failed;
  std::size_t bytes = 0;
};

enum class TlsRole : std::uint8_t { server, client };

class TlsSession {
 public:
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // A client calls this until it is done, before anything else; a server need not.
  TlsStep handshake();
  TlsMoved read(void* bytes, std::size_t size);
  TlsMoved write(const void* bytes, std::size_t size);
  // Tells the peer that nothing will follow; waits for nothing.
  void say_end();

  const std::string& why() const { return why_; }
  // What failed is that the peer is not who it has to be.
  bool is_distrusted() const { return distrusted_; }
  // What failed is that the peer sent a plain HTTP request.
  bool is_plain_http() const { return plain_http_; }

 private:
  friend class TlsContext;
  TlsSession(ssl_st* session, TlsRole role, std::string pin);
  TlsStep judge(int result);
  bool is_pinned_peer();

  ssl_st* session_;
  TlsRole role_;
  std::string pin_;  // of a client: what the peer's key has to be; empty: its certificate was checked
  bool trusted_ = false;
  bool distrusted_ = false;
  bool plain_http_ = false;
  std::string why_;
};

// What a client holds a server to: its key, or a certificate that somebody in the file answers for.
struct TlsTrust {
  std::string pin{};
  std::string ca_file{};  // empty: the system's
};

class TlsContext {
 public:
  TlsContext(TlsContext&& other) noexcept;
  ~TlsContext();

  // PEM files. E203 when one cannot be read, or they do not belong together.
  static Result<TlsContext> server(const std::string& certificate_file, const std::string& key_file);
  // E203 when there is no file of authorities.
  static Result<TlsContext> client(const TlsTrust& trust);

  // `socket` stays the caller's, does not block, and lives as long as the session. `host` is for a client: who is meant.
  std::unique_ptr<TlsSession> open(int socket, const std::string& host = {}) const;
  // Of a server: the fingerprint of its key, "sha256//…".
  const std::string& pin() const { return pin_; }

 private:
  TlsContext(ssl_ctx_st* context, TlsRole role, std::string pin);
  ssl_ctx_st* context_;
  TlsRole role_;
  std::string pin_;
};

}  // namespace muster::net
