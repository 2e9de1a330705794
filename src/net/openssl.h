// What the files of this room share of OpenSSL: owners of its objects, its last complaint as text, a key's fingerprint.
// Included in this room only.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace muster::net {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;

// Once per process, without the system's configuration file, which may ask for plug-ins.
void prepare_openssl();

// The last complaint in words; empties the queue.
std::string openssl_complaint();

// "sha256//…" of the certificate's public key; empty when it has none.
std::string pin_of(X509* certificate);

}  // namespace muster::net
