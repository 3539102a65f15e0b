#include "proxy/io/client_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.h"
#include "base/c_pointer.h"

namespace hearth::proxy {

namespace {

using BioPointer = CPointer<BIO, BIO_free>;
using CertificatePointer = CPointer<X509, X509_free>;
using StorePointer = CPointer<X509_STORE, X509_STORE_free>;

std::string hex_of(const X509* certificate) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::array<unsigned char, 32> digest{};
    unsigned int size = digest.size();
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (const unsigned char octet : digest) text += {kHex[octet >> 4], kHex[octet & 15]};
    return text;
}

std::vector<CertificatePointer> read_all(const std::string& pem) {
    std::vector<CertificatePointer> all;
    const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
        all.emplace_back(one);
    ERR_clear_error();  // the end of the text is an error to PEM_read
    return all;
}

std::string written(const X509_NAME* name) {
    const BioPointer out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string common_name(const X509_NAME* subject) {
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, text);
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    return name;
}

// The name that is asked for (RFC 6066 §3), before OpenSSL has looked at it.
std::string_view asked_name(SSL* ssl) {
    constexpr std::size_t kBeforeName = 5;  // the list's length, a type, the name's length
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
    if (size <= kBeforeName || data[2] != TLSEXT_NAMETYPE_host_name) return {};
    const std::size_t length = load_be16(data + 3);
    if (length > size - kBeforeName) return {};
    return {reinterpret_cast<const char*>(data) + kBeforeName, length};
}

int auth_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

// Whatever comes is taken, and what is wrong with it remembered.
int take_any(int good, X509_STORE_CTX* context) {
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* auth = static_cast<ClientAuth*>(SSL_get_ex_data(ssl, auth_index()));
    if (good != 1 && auth != nullptr) auth->doubted = true;
    return 1;
}

}  // namespace

struct ClientTrust::Issuers {
    std::string id;
    StorePointer store;
    std::vector<CertificatePointer> certificates;
};

namespace {

Result<std::shared_ptr<const ClientTrust::Issuers>> make_issuers(const std::string& pem) {
    auto issuers = std::make_shared<ClientTrust::Issuers>();
    issuers->certificates = read_all(pem);
    issuers->store.reset(X509_STORE_new());
    if (!issuers->store) return fail(Errc::kSystem, "openssl", "no memory for authorities");
    std::vector<std::string> prints;
    for (const CertificatePointer& one : issuers->certificates) {
        X509_STORE_add_cert(issuers->store.get(), one.get());
        prints.push_back(hex_of(one.get()));
    }
    std::sort(prints.begin(), prints.end());
    for (const std::string& print : prints) issuers->id += print;
    return issuers;
}

}  // namespace

Result<void> check_authorities(const std::string& pem, const std::string& where) {
    const auto all = read_all(pem);
    if (all.empty()) return fail(Errc::kInvalid, where, "no certificate in PEM form");
    for (const CertificatePointer& one : all) {
        if (X509_check_ca(one.get()) == 0)
            return fail(Errc::kInvalid, where,
                        "a certificate in it may sign no others: authorities are wanted");
    }
    return {};
}

Result<std::shared_ptr<const ClientTrust>> ClientTrust::make(
    std::shared_ptr<const Snapshot> snapshot, const std::string& root) {
    auto trust = std::make_shared<ClientTrust>();
    std::unordered_map<std::string, std::shared_ptr<const Issuers>> by_text;
    for (const Service& service : snapshot->services) {
        if (!service.client_certificates.asks()) continue;
        const std::string& own = service.client_certificates.authorities;
        auto& issuers = by_text[own.empty() ? root : own];
        if (!issuers) {
            auto made = make_issuers(own.empty() ? root : own);
            if (!made) return fail(std::move(made.error()));
            issuers = std::move(*made);
        }
        trust->by_service_.emplace(service.name, issuers);
    }
    trust->snapshot_ = std::move(snapshot);
    return trust;
}

std::shared_ptr<const ClientTrust::Issuers> ClientTrust::of_host(std::string_view host) const {
    if (by_service_.empty()) return nullptr;
    const auto owner = snapshot_->router.owner_of(host);
    if (!owner) return nullptr;
    const auto known = by_service_.find(snapshot_->services[*owner].name);
    return known != by_service_.end() ? known->second : nullptr;
}

std::string_view ClientTrust::id_of(const std::string& service) const noexcept {
    const auto known = by_service_.find(service);
    return known != by_service_.end() ? std::string_view(known->second->id) : std::string_view{};
}

std::unique_ptr<ClientAuth> ask_for_certificate(void* connection, const ClientTrust& trust) {
    SSL* ssl = static_cast<SSL*>(connection);
    auto issuers = trust.of_host(asked_name(ssl));
    if (!issuers) return nullptr;
    SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, take_any);
    SSL_set1_verify_cert_store(ssl, issuers->store.get());
    for (const CertificatePointer& one : issuers->certificates)
        SSL_add_client_CA(ssl, one.get());  // which of its certificates the client shall show
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
    auto auth = std::make_unique<ClientAuth>();
    auth->id = issuers->id;
    auth->issuers = std::move(issuers);
    SSL_set_ex_data(ssl, auth_index(), auth.get());
    return auth;
}

void read_certificate(void* connection, ClientAuth& auth) {
    SSL* ssl = static_cast<SSL*>(connection);
    const X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr) return;
    auth.shown = true;
    auth.vouched = !auth.doubted && SSL_get_verify_result(ssl) == X509_V_OK;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    auth.name = common_name(subject);
    auth.subject = written(subject);
    auth.fingerprint = hex_of(certificate);
}

}  // namespace hearth::proxy
