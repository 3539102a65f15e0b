#include "proxy/io/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "proxy/core/octets.h"

namespace hearth::proxy {

struct KeyPair {
    X509* certificate = nullptr;
    STACK_OF(X509) * chain = nullptr;
    EVP_PKEY* key = nullptr;

    KeyPair() = default;
    KeyPair(const KeyPair&) = delete;
    KeyPair& operator=(const KeyPair&) = delete;
    ~KeyPair() {
        X509_free(certificate);
        sk_X509_pop_free(chain, X509_free);
        EVP_PKEY_free(key);
    }
};

// --- certificates from files ---

namespace {

struct BioDeleter {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioDeleter>;

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown error";
}

std::string written(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

Result<BioPointer> open_pem(const std::string& path) {
    errno = 0;
    BioPointer file(BIO_new_file(path.c_str(), "r"));
    ERR_clear_error();
    if (!file) return fail(Error::from_errno(path, errno != 0 ? errno : EIO));
    return file;
}

// No password: a daemon has nobody to ask.
int no_password(char*, int, int, void*) { return -1; }

Result<void> read_chain(KeyPair& pair, const std::string& path) {
    auto file = open_pem(path);
    if (!file) return fail(std::move(file.error()));
    pair.certificate = PEM_read_bio_X509_AUX(file->get(), nullptr, no_password, nullptr);
    if (pair.certificate == nullptr)
        return fail(Errc::kInvalid, path, "no certificate in PEM form: " + openssl_reason());
    pair.chain = sk_X509_new_null();
    const X509* below = pair.certificate;
    while (X509* next = PEM_read_bio_X509(file->get(), nullptr, no_password, nullptr)) {
        sk_X509_push(pair.chain, next);
        if (X509_NAME_cmp(X509_get_issuer_name(below), X509_get_subject_name(next)) != 0)
            return fail(Errc::kInvalid, path,
                        "certificate " + std::to_string(sk_X509_num(pair.chain) + 1) +
                            " did not issue the one before it: put the server's certificate "
                            "first, then its issuer, then the issuer's");
        below = next;
    }
    ERR_clear_error();  // the end of the file is an error to PEM_read
    return {};
}

Result<void> read_key(KeyPair& pair, const CertificateFiles& files) {
    auto file = open_pem(files.key);
    if (!file) return fail(std::move(file.error()));
    pair.key = PEM_read_bio_PrivateKey(file->get(), nullptr, no_password, nullptr);
    if (pair.key == nullptr)
        return fail(Errc::kInvalid, files.key,
                    "no private key in PEM form, or one with a password: " + openssl_reason());
    if (X509_check_private_key(pair.certificate, pair.key) == 1) return {};
    ERR_clear_error();
    return fail(Errc::kInvalid, files.key, "not the key of " + files.certificate);
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> names;
    auto* all = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
        if (one->type != GEN_DNS) continue;
        std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)),
                         static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName)));
        std::transform(name.begin(), name.end(), name.begin(), to_lower);
        names.push_back(std::move(name));
    }
    GENERAL_NAMES_free(all);
    return names;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

Result<CertificateStore::Certificate> load_one(const CertificateFiles& files) {
    auto pair = std::make_shared<KeyPair>();
    if (auto read = read_chain(*pair, files.certificate); !read)
        return fail(std::move(read.error()));
    if (auto read = read_key(*pair, files); !read) return fail(std::move(read.error()));
    CertificateStore::Certificate one;
    one.files = files;
    one.names = names_of(pair->certificate);
    if (one.names.empty())
        return fail(Errc::kInvalid, files.certificate,
                    "names no host: browsers want the names in subjectAltName");
    one.not_before = seconds_of(X509_get0_notBefore(pair->certificate));
    one.not_after = seconds_of(X509_get0_notAfter(pair->certificate));
    one.pair = std::move(pair);
    return one;
}

}  // namespace

LoadedCertificates load_certificates(const std::vector<CertificateFiles>& wanted,
                                     const CertificateStore* previous,
                                     CertificateStore::Home home) {
    std::vector<CertificateStore::Certificate> good;
    LoadedCertificates loaded;
    for (const CertificateFiles& files : wanted) {
        auto one = load_one(files);
        if (one) {
            good.push_back(std::move(*one));
            continue;
        }
        loaded.faults.push_back({files, std::move(one.error())});
        if (previous == nullptr) continue;
        const auto& before = previous->all();
        const auto kept = std::find_if(before.begin(), before.end(),
                                       [&](const auto& each) { return each.files == files; });
        if (kept != before.end()) good.push_back(*kept);
    }
    loaded.store = std::make_shared<const CertificateStore>(std::move(good), std::move(home));
    return loaded;
}

Result<LocalRoot> load_root(const std::string& path) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    KeyPair pair;
    if (auto read = read_chain(pair, path); !read) return fail(std::move(read.error()));
    LocalRoot root;
    const BioPointer pem(BIO_new(BIO_s_mem()));
    const BioPointer der(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(pem.get(), pair.certificate);
    i2d_X509_bio(der.get(), pair.certificate);
    root.pem = written(pem.get());
    root.der = written(der.get());
    std::array<unsigned char, 32> digest{};
    unsigned int size = digest.size();
    X509_digest(pair.certificate, EVP_sha256(), digest.data(), &size);
    for (const unsigned char octet : digest) {
        if (!root.fingerprint.empty()) root.fingerprint += ':';
        root.fingerprint += {kHex[octet >> 4], kHex[octet & 15]};
    }
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(pair.certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    root.subject = name.data();
    return root;
}

// --- session tickets ---

class TicketKeys {
public:
    struct Key {
        std::array<unsigned char, 16> name{};
        std::array<unsigned char, 32> cipher{};
        std::array<unsigned char, 32> mac{};
    };
    enum class Found { kNone, kCurrent, kPrevious };

    TicketKeys() {
        renew(current_);
        previous_ = current_;
    }

    Key current() {
        const std::lock_guard lock(mutex_);
        if (Clock::now() - made_ > kLife) {
            previous_ = current_;
            renew(current_);
        }
        return current_;
    }
    Found find(const unsigned char* name, Key& key) {
        const std::lock_guard lock(mutex_);
        for (const Key* one : {&current_, &previous_}) {
            if (!std::equal(one->name.begin(), one->name.end(), name)) continue;
            key = *one;
            return one == &current_ ? Found::kCurrent : Found::kPrevious;
        }
        return Found::kNone;
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::hours kLife{12};

    void renew(Key& key) {
        RAND_bytes(key.name.data(), static_cast<int>(key.name.size()));
        RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size()));
        RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size()));
        made_ = Clock::now();
    }

    std::mutex mutex_;  // taken in handshakes only
    Key current_;
    Key previous_;
    Clock::time_point made_;
};

std::shared_ptr<TicketKeys> make_ticket_keys() { return std::make_shared<TicketKeys>(); }

// --- the socket as OpenSSL sees it ---

struct TlsChannel::Wire {
    int fd = -1;
    bool drained = false;  // the last recv() took all there was
    std::shared_ptr<const CertificateStore> store;
    std::optional<std::size_t> certificate;  // in `store`
};

// How OpenSSL reads and writes a socket: remembers whether the kernel had more.
class SocketMethod {
public:
    SocketMethod() : method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")) {
        BIO_meth_set_read(method_, read);
        BIO_meth_set_write(method_, write);
        BIO_meth_set_ctrl(method_, control);
    }
    SocketMethod(const SocketMethod&) = delete;
    SocketMethod& operator=(const SocketMethod&) = delete;
    ~SocketMethod() { BIO_meth_free(method_); }

    // Takes `ssl` over a socket; false, and freed, when memory is short.
    [[nodiscard]] bool attach(SSL* ssl, TlsChannel::Wire& wire) const noexcept {
        BIO* bio = BIO_new(method_);
        if (ssl == nullptr || bio == nullptr) {
            SSL_free(ssl);
            BIO_free(bio);
            return false;
        }
        BIO_set_data(bio, &wire);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl, bio, bio);
        SSL_set_app_data(ssl, &wire);
        return true;
    }

private:
    static int read(BIO* bio, char* into, int size);
    static int write(BIO* bio, const char* from, int size);
    static long control(BIO* bio, int command, long number, void* pointer);

    BIO_METHOD* method_;
};

int SocketMethod::read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& wire = *static_cast<TlsChannel::Wire*>(BIO_get_data(bio));
    const ssize_t got = ::recv(wire.fd, into, static_cast<std::size_t>(size), 0);
    wire.drained = got < size;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        wire.drained = errno == EAGAIN;
        BIO_set_retry_read(bio);
    }
    return static_cast<int>(got);
}

int SocketMethod::write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const auto& wire = *static_cast<TlsChannel::Wire*>(BIO_get_data(bio));
    const ssize_t sent = ::send(wire.fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

long SocketMethod::control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

namespace {

constexpr std::size_t kRecord = 16 * 1024;
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
    static int on_server_name(SSL* ssl, int* alert, void* self);
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int sealing);
    static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* size,
                       const unsigned char* in, unsigned int in_size, void* self);
};

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

std::unique_ptr<TlsChannel> TlsContext::accept(int fd) noexcept {
    auto wire = std::make_unique<TlsChannel::Wire>();
    wire->fd = fd;
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

// --- one connection ---

namespace {
SSL* as_ssl(void* ssl) { return static_cast<SSL*>(ssl); }
}  // namespace

TlsChannel::TlsChannel(void* ssl, std::unique_ptr<Wire> wire) : ssl_(ssl), wire_(std::move(wire)) {}

TlsChannel::~TlsChannel() { SSL_free(as_ssl(ssl_)); }

IoResult TlsChannel::status_of(int result) noexcept {
    switch (SSL_get_error(as_ssl(ssl_), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return {IoStatus::kWouldBlock, 0};
        case SSL_ERROR_ZERO_RETURN: return {IoStatus::kEnd, 0};
        default: break;
    }
    const unsigned long error = ERR_peek_error();
    ERR_clear_error();
    // An end without close_notify: HTTP's own framing tells whether something is missing.
    cut_off_ |= ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (cut_off_) return {IoStatus::kEnd, 0};
    spoke_http_ = ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
    return {IoStatus::kFailed, 0};
}

IoResult TlsChannel::handshake() noexcept {
    ERR_clear_error();
    const int result = SSL_do_handshake(as_ssl(ssl_));
    if (result != 1) return status_of(result);
    open_ = true;
    return {IoStatus::kMoved, 0};
}

bool TlsChannel::was_resumed() const noexcept { return SSL_session_reused(as_ssl(ssl_)) == 1; }

bool TlsChannel::speaks_http2() const noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(as_ssl(ssl_), &name, &size);
    return std::string_view(reinterpret_cast<const char*>(name), size) == kHttp2;
}

IoResult TlsChannel::read(std::span<char> room) noexcept {
    ERR_clear_error();
    std::size_t octets = 0;
    const int result = SSL_read_ex(as_ssl(ssl_), room.data(), room.size(), &octets);
    return result == 1 ? IoResult{IoStatus::kMoved, octets} : status_of(result);
}

IoResult TlsChannel::write(const Outgoing& out) noexcept {
    ERR_clear_error();
    const auto parts = out.parts();
    std::string_view piece = parts[0];
    std::array<char, kRecord> joined;
    if (parts.size() > 1 && piece.size() < kRecord) {
        std::size_t size = 0;
        for (const std::string_view part : parts) {
            const std::size_t fits = std::min(part.size(), kRecord - size);
            std::copy_n(part.data(), fits, joined.data() + size);
            size += fits;
        }
        piece = {joined.data(), size};
    }
    std::size_t octets = 0;
    const int result = SSL_write_ex(as_ssl(ssl_), piece.data(), piece.size(), &octets);
    return result == 1 ? IoResult{IoStatus::kMoved, octets} : status_of(result);
}

void TlsChannel::end_writing() noexcept {
    if (!open_) return;
    ERR_clear_error();
    SSL_shutdown(as_ssl(ssl_));
    ERR_clear_error();
}

bool TlsChannel::is_drained() const noexcept {
    return wire_->drained && SSL_has_pending(as_ssl(ssl_)) == 0;
}

void TlsChannel::note_arrival() noexcept { wire_->drained = false; }

bool TlsChannel::covers(std::string_view host) const noexcept {
    return wire_->store && wire_->certificate && wire_->store->find(host) == wire_->certificate;
}

}  // namespace hearth::proxy
