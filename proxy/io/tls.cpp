#include "proxy/io/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "proxy/io/tls_key_pair.h"
#include "proxy/io/tls_tickets.h"
#include "proxy/io/tls_wire.h"

namespace hearth::proxy {

namespace {
constexpr std::string_view kHttp2 = "h2";
constexpr std::string_view kHttp11 = "http/1.1";
}  // namespace

struct TlsContext::Impl {
    SSL_CTX* context = nullptr;
    SocketMethod method;
    std::shared_ptr<TicketKeys> tickets;
    std::shared_ptr<const CertificateStore> store = std::make_shared<CertificateStore>();
    UnknownName unknown = UnknownName::kRefuse;

    static TlsChannel::Wire& wire_of(const SSL* ssl) {
        return *static_cast<TlsChannel::Wire*>(SSL_get_app_data(ssl));
    }
    static int on_hello(SSL* ssl, int* alert, void* self);
    static int on_server_name(SSL* ssl, int* alert, void* self);
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int sealing);
    static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* size,
                       const unsigned char* in, unsigned int in_size, void* self);
};

// Before a ticket is looked at. A second ClientHello (RFC 8446 §4.1.4) changes nothing.
int TlsContext::Impl::on_hello(SSL* ssl, int*, void*) {
    TlsChannel::Wire& wire = wire_of(ssl);
    if (const auto trust = std::exchange(wire.trust, nullptr))
        wire.client = ask_for_certificate(ssl, *trust);
    return SSL_CLIENT_HELLO_SUCCESS;
}

// Which certificate (RFC 6066 §3). Called for clients that name none, too.
int TlsContext::Impl::on_server_name(SSL* ssl, int* alert, void* self) {
    const auto& impl = *static_cast<const Impl*>(self);
    TlsChannel::Wire& wire = wire_of(ssl);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    auto chosen = name != nullptr ? impl.store->find(name) : std::nullopt;
    if (!chosen && impl.unknown == UnknownName::kFirst && !impl.store->all().empty()) chosen = 0;
    if (!chosen && impl.unknown == UnknownName::kPage)
        chosen = impl.store->find(impl.store->home().own_host);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (!chosen) return SSL_TLSEXT_ERR_ALERT_FATAL;
    const KeyPair& pair = *impl.store->all()[*chosen].pair;
    wire.store = impl.store;
    wire.certificate = chosen;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (SSL_use_cert_and_key(ssl, pair.certificate, pair.key, pair.chain, 1) != 1)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

int TlsContext::Impl::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                                EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
    auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    TicketKeys::Key key;
    auto found = TicketKeys::Found::kCurrent;
    const EVP_CIPHER* aes = EVP_aes_256_cbc();
    if (sealing == 1) {
        key = keys.current();
        std::copy(key.name.begin(), key.name.end(), name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1) return -1;
    } else {
        found = keys.find(name, key);
        if (found == TicketKeys::Found::kNone) return 0;
    }
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string("key", key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0), OSSL_PARAM_construct_end()};
    const bool good =
        EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 &&
        (sealing == 1 ? EVP_EncryptInit_ex(cipher, aes, nullptr, key.cipher.data(), iv)
                      : EVP_DecryptInit_ex(cipher, aes, nullptr, key.cipher.data(), iv)) == 1;
    OPENSSL_cleanse(&key, sizeof(key));
    if (!good) return -1;
    // 2 asks for a new ticket. In TLS 1.3 each is for one connection (RFC 8446 §C.4): a client that
    // came with its last one gets another.
    if (sealing != 1 && SSL_version(ssl) == TLS1_3_VERSION) return 2;
    return found == TicketKeys::Found::kCurrent ? 1 : 2;
}

int TlsContext::Impl::on_alpn(SSL*, const unsigned char** out, unsigned char* size,
                              const unsigned char* in, unsigned int in_size, void*) {
    for (const std::string_view ours : {kHttp2, kHttp11}) {
        for (unsigned int at = 0; at < in_size; at += 1U + in[at]) {
            const std::string_view offered(reinterpret_cast<const char*>(in) + at + 1, in[at]);
            if (offered != ours) continue;
            *out = in + at + 1;
            *size = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol (RFC 7301 §3.2)
}

TlsContext::TlsContext(std::shared_ptr<TicketKeys> tickets) : impl_(std::make_unique<Impl>()) {
    impl_->tickets = std::move(tickets);
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    impl_->context = context;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    std::string groups = "X25519:P-256";  // OpenSSL's macro casts const away
    SSL_CTX_set1_groups_list(context, groups.data());
    // A client without AES instructions says so by what it names first.
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr std::string_view kSessionContext = "hearth-proxy";
    SSL_CTX_set_session_id_context(context,
                                   reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                   kSessionContext.size());
    SSL_CTX_set_app_data(context, impl_->tickets.get());
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Impl::on_ticket);
    SSL_CTX_set_client_hello_cb(context, Impl::on_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, Impl::on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context, impl_.get());
    SSL_CTX_set_alpn_select_cb(context, Impl::on_alpn, nullptr);
}

TlsContext::~TlsContext() { SSL_CTX_free(impl_->context); }

void TlsContext::adopt(std::shared_ptr<const CertificateStore> store, UnknownName unknown) {
    impl_->store = std::move(store);
    impl_->unknown = unknown;
}

const CertificateStore& TlsContext::store() const noexcept { return *impl_->store; }

std::unique_ptr<TlsChannel> TlsContext::accept(int fd,
                                               std::shared_ptr<const ClientTrust> trust) noexcept {
    auto wire = std::make_unique<TlsChannel::Wire>();
    wire->fd = fd;
    wire->trust = std::move(trust);
    SSL* ssl = SSL_new(impl_->context);
    if (!impl_->method.attach(ssl, *wire)) return nullptr;
    SSL_set_accept_state(ssl);
    return std::unique_ptr<TlsChannel>(new TlsChannel(ssl, std::move(wire)));
}

// --- towards upstreams ---

struct TlsClientContext::Impl {
    struct Deleter {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };
    SocketMethod method;
    std::map<std::string, std::unique_ptr<SSL_CTX, Deleter>> by_authority;

    SSL_CTX* context_for(const std::string& ca_file);
};

SSL_CTX* TlsClientContext::Impl::context_for(const std::string& ca_file) {
    auto& context = by_authority[ca_file];
    if (context) return context.get();
    context.reset(SSL_CTX_new(TLS_client_method()));
    if (!context) return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                       : SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
    ERR_clear_error();
    if (loaded != 1) context.reset();
    return context.get();
}

TlsClientContext::TlsClientContext() : impl_(std::make_unique<Impl>()) {}

TlsClientContext::~TlsClientContext() = default;

void TlsClientContext::forget() { impl_->by_authority.clear(); }

std::unique_ptr<TlsChannel> TlsClientContext::connect(int fd, const UpstreamSecurity& security,
                                                      Offer offer) {
    SSL_CTX* context = impl_->context_for(security.ca_file);
    if (context == nullptr) return nullptr;
    auto wire = std::make_unique<TlsChannel::Wire>();
    wire->fd = fd;
    SSL* ssl = SSL_new(context);
    if (!impl_->method.attach(ssl, *wire)) return nullptr;
    SSL_set_connect_state(ssl);
    const bool is_address = IpAddress::parse(security.name).has_value();
    if (!is_address) SSL_set_tlsext_host_name(ssl, security.name.c_str());
    if (security.verify) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
        if (is_address) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), security.name.c_str());
        } else {
            SSL_set1_host(ssl, security.name.c_str());
        }
    }
    constexpr std::string_view kBoth = "\x02h2\x08http/1.1";
    const std::string_view offered = offer == Offer::kHttp2Too ? kBoth : kBoth.substr(3);
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(offered.data()),
                        static_cast<unsigned int>(offered.size()));
    return std::unique_ptr<TlsChannel>(new TlsChannel(ssl, std::move(wire)));
}

}  // namespace hearth::proxy
