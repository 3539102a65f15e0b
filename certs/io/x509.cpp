#include "certs/io/x509.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <ctime>
#include <set>

#include "base/c_pointer.h"
#include "certs/core/scope.h"

namespace hearth::certs {
namespace {

using BioPointer = CPointer<BIO, BIO_free>;
using KeyPointer = CPointer<EVP_PKEY, EVP_PKEY_free>;
using CertificatePointer = CPointer<X509, X509_free>;
using ExtensionPointer = CPointer<X509_EXTENSION, X509_EXTENSION_free>;
using NamesPointer = CPointer<GENERAL_NAMES, GENERAL_NAMES_free>;
using ConstraintsPointer = CPointer<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;

constexpr std::size_t kMostCommonName = 64;  // RFC 5280, ub-common-name
constexpr std::size_t kSerialOctets = 16;

std::string reason() {
    const char* text = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return text != nullptr ? text : "unknown error";
}

tl::unexpected<Error> cannot(std::string what) {
    return fail(Errc::kSystem, "openssl", std::move(what) + ": " + reason());
}

// No password: a daemon has nobody to ask.
int no_password(char*, int, int, void*) { return -1; }

BioPointer reader_of(std::string_view text) {
    return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string pem_of(X509* certificate) {
    const BioPointer out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    return written(out.get());
}

// PKCS #8, which everybody reads.
std::string pem_of(EVP_PKEY* key) {
    const BioPointer out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return written(out.get());
}

UnixTime seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<UnixTime>(timegm(&parts)) : 0;
}

Validity validity_of(const X509* certificate) {
    return {seconds_of(X509_get0_notBefore(certificate)),
            seconds_of(X509_get0_notAfter(certificate))};
}

std::string octets_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// Starts a certificate: version, serial number, times, key.
bool begin(X509* certificate, const Validity& validity, EVP_PKEY* key) {
    std::array<unsigned char, kSerialOctets> serial{};
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, full length
    BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
    const bool is_set = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
    BN_free(number);
    return is_set && X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), validity.not_before) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), validity.not_after) != nullptr &&
           X509_set_pubkey(certificate, key) == 1;
}

bool add_common_name(X509* certificate, const std::string& name) {
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()),
                                      static_cast<int>(name.size()), -1, 0) == 1;
}

// `value` as in openssl's configuration files, of text that we made or checked.
bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionPointer extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string mask_of(const IpPrefix& prefix) {
    std::string octets(prefix.address().bytes().size(), '\0');
    for (int bit = 0; bit < prefix.length(); ++bit) {
        auto& octet = octets[static_cast<std::size_t>(bit / 8)];
        octet = static_cast<char>(static_cast<unsigned char>(octet) | (0x80U >> (bit % 8)));
    }
    return IpAddress::from_bytes(as_bytes(octets)).to_string();
}

std::string constraints_text(const Scope& scope) {
    std::string text = "critical";
    for (const std::string& domain : scope.domains) text += ",permitted;DNS:" + domain;
    for (const IpPrefix& network : scope.networks)
        text += ",permitted;IP:" + network.address().to_string() + "/" + mask_of(network);
    return text;
}

Scope scope_of(const X509* certificate) {
    Scope scope;
    const ConstraintsPointer constraints(static_cast<NAME_CONSTRAINTS*>(
        X509_get_ext_d2i(certificate, NID_name_constraints, nullptr, nullptr)));
    if (!constraints) return scope;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees); ++i) {
        const GENERAL_NAME* base =
            sk_GENERAL_SUBTREE_value(constraints->permittedSubtrees, i)->base;
        if (base->type == GEN_DNS) {
            std::string domain = octets_of(base->d.dNSName);
            if (domain.starts_with('.')) domain.erase(0, 1);
            scope.domains.push_back(std::move(domain));
        } else if (base->type == GEN_IPADD) {
            const std::string both = octets_of(base->d.iPAddress);
            const auto address = as_bytes(std::string_view(both).substr(0, both.size() / 2));
            int length = 0;
            for (std::size_t at = both.size() / 2; at < both.size(); ++at)
                length += std::popcount(static_cast<unsigned char>(both[at]));
            scope.networks.emplace_back(IpAddress::from_bytes(address), length);
        }
    }
    return scope;
}

std::string fingerprint_of(const X509* certificate) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::array<unsigned char, 32> digest{};
    unsigned int size = digest.size();
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (const unsigned char octet : digest) {
        if (!text.empty()) text += ':';
        text += {kHex[octet >> 4], kHex[octet & 15]};
    }
    return text;
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) return octets_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    const BioPointer out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), subject, 0, XN_FLAG_ONELINE);
    return written(out.get());
}

// The names and addresses a certificate is for.
std::set<std::string> names_of(const X509* certificate) {
    std::set<std::string> names;
    const NamesPointer all(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(all.get(), i);
        if (one->type == GEN_DNS) names.insert(octets_of(one->d.dNSName));
        if (one->type == GEN_IPADD)
            names.insert(IpAddress::from_bytes(as_bytes(octets_of(one->d.iPAddress))).to_string());
    }
    return names;
}

std::string names_text(const WantedLeaf& wanted) {
    // Whoever has no subject must be known by these names (RFC 5280 §4.2.1.6).
    std::string text = wanted.name.size() > kMostCommonName ? "critical,DNS:" : "DNS:";
    text += wanted.name;
    for (const IpAddress& address : wanted.addresses) text += ",IP:" + address.to_string();
    return text;
}

// Another root of the same home must not have the same name: clients find issuers by it.
std::string root_name(const std::string& domain, const X509* certificate) {
    static constexpr std::string_view kBegin = "Hearth CA ";
    constexpr std::size_t kTag = 6;
    BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
    char* hex = BN_bn2hex(number);
    const std::string tag(hex, kTag);
    OPENSSL_free(hex);
    BN_free(number);
    return std::string(kBegin) + domain.substr(0, kMostCommonName - kBegin.size() - kTag - 1) +
           " " + tag;
}

Result<KeyPointer> new_key() {
    KeyPointer key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    if (!key) return cannot("no new key");
    return key;
}

struct Pair {
    CertificatePointer certificate;
    KeyPointer key;
};

Result<Pair> parse_pair(std::string_view pem) {
    Pair pair;
    pair.certificate.reset(PEM_read_bio_X509(reader_of(pem).get(), nullptr, no_password, nullptr));
    if (!pair.certificate)
        return fail(Errc::kInvalid, "certificate", "there is none in PEM form: " + reason());
    pair.key.reset(PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, no_password, nullptr));
    if (!pair.key)
        return fail(Errc::kInvalid, "key",
                    "there is none in PEM form, or one with a password: " + reason());
    if (X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
        ERR_clear_error();
        return fail(Errc::kInvalid, "key", "it belongs to another certificate");
    }
    return pair;
}

Result<void> check_root(X509* certificate, const EVP_PKEY* key) {
    const auto no = [](const char* why) { return fail(Errc::kInvalid, "certificate", why); };
    if (X509_check_ca(certificate) != 1 ||
        (X509_get_key_usage(certificate) & X509v3_KU_KEY_CERT_SIGN) == 0)
        return no("it may not sign others: a root is wanted, CA:TRUE with keyCertSign");
    if (X509_self_signed(certificate, 1) != 1) {
        ERR_clear_error();
        return no("another signed it: the root itself is wanted");
    }
    const int kind = EVP_PKEY_get_base_id(key);
    if (kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA)
        return no("browsers know ECDSA and RSA keys alone");
    return {};
}

}  // namespace

struct Root::Impl {
    CertificatePointer certificate;
    KeyPointer key;
    RootFacts facts;
    std::string certificate_pem;
    std::string key_pem;

    explicit Impl(Pair pair)
        : certificate(std::move(pair.certificate)),
          key(std::move(pair.key)),
          facts{common_name_of(certificate.get()), fingerprint_of(certificate.get()),
                validity_of(certificate.get()), scope_of(certificate.get())},
          certificate_pem(pem_of(certificate.get())),
          key_pem(pem_of(key.get())) {}
};

Root::Root(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Root::Root(Root&&) noexcept = default;
Root& Root::operator=(Root&&) noexcept = default;
Root::~Root() = default;

const RootFacts& Root::facts() const noexcept { return impl_->facts; }
const std::string& Root::certificate() const noexcept { return impl_->certificate_pem; }
const std::string& Root::key() const noexcept { return impl_->key_pem; }

Result<Root> Root::make(const std::string& domain, const Validity& validity) {
    auto key = new_key();
    if (!key) return fail(std::move(key.error()));
    Pair pair{CertificatePointer(X509_new()), std::move(*key)};
    X509* certificate = pair.certificate.get();
    bool good = begin(certificate, validity, pair.key.get());
    good = good && add_common_name(certificate, root_name(domain, certificate)) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
           add_extension(certificate, certificate, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, certificate, NID_name_constraints,
                         constraints_text(home_scope(domain))) &&
           X509_sign(certificate, pair.key.get(), EVP_sha256()) != 0;
    if (!good) return cannot("no new root");
    return Root(std::make_unique<Impl>(std::move(pair)));
}

Result<Root> Root::parse(std::string_view pem) {
    auto pair = parse_pair(pem);
    if (!pair) return fail(std::move(pair.error()));
    if (auto checked = check_root(pair->certificate.get(), pair->key.get()); !checked)
        return fail(std::move(checked.error()));
    return Root(std::make_unique<Impl>(std::move(*pair)));
}

Result<std::string> Root::issue(const WantedLeaf& wanted, const Validity& validity) const {
    auto key = new_key();
    if (!key) return fail(std::move(key.error()));
    const CertificatePointer leaf(X509_new());
    X509* certificate = leaf.get();
    X509* issuer = impl_->certificate.get();
    const bool good =
        begin(certificate, validity, key->get()) &&
        (wanted.name.size() > kMostCommonName || add_common_name(certificate, wanted.name)) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
        add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
        add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
        add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
        add_extension(certificate, issuer, NID_subject_alt_name, names_text(wanted)) &&
        X509_sign(certificate, impl_->key.get(), EVP_sha256()) != 0;
    if (!good) return cannot("no certificate for " + wanted.name);
    return pem_of(certificate) + pem_of(key->get());
}

namespace {

using Pkcs12Pointer = CPointer<PKCS12, PKCS12_free>;

// 3DES and SHA-1, which telephones and older Windows read, where they fail at what OpenSSL 3 would
// choose; the password is drawn at random and long.
std::string pkcs12_of(EVP_PKEY* key, X509* certificate, X509* root, const std::string& name,
                      const std::string& password) {
    constexpr int kRounds = 100'000;
    STACK_OF(X509)* issuers = sk_X509_new_null();
    sk_X509_push(issuers, root);
    const Pkcs12Pointer made(PKCS12_create_ex(password.c_str(), name.c_str(), key, certificate,
                                              issuers, NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
                                              NID_pbe_WithSHA1And3_Key_TripleDES_CBC, kRounds, -1,
                                              0, nullptr, nullptr));
    sk_X509_free(issuers);
    if (!made || PKCS12_set_mac(made.get(), password.c_str(), static_cast<int>(password.size()),
                                nullptr, 0, kRounds, EVP_sha1()) != 1)
        return {};
    const BioPointer out(BIO_new(BIO_s_mem()));
    return i2d_PKCS12_bio(out.get(), made.get()) == 1 ? written(out.get()) : std::string{};
}

}  // namespace

Result<Root::ClientKey> Root::issue_client(const std::string& name, const Validity& validity,
                                           const std::string& password) const {
    auto key = new_key();
    if (!key) return fail(std::move(key.error()));
    const CertificatePointer made(X509_new());
    X509* certificate = made.get();
    X509* issuer = impl_->certificate.get();
    const bool good =
        begin(certificate, validity, key->get()) && add_common_name(certificate, name) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
        add_extension(certificate, issuer, NID_ext_key_usage, "clientAuth") &&
        add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
        add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
        X509_sign(certificate, impl_->key.get(), EVP_sha256()) != 0;
    if (!good) return cannot("no certificate for " + name);
    ClientKey made_key{pem_of(certificate) + pem_of(key->get()),
                       pkcs12_of(key->get(), certificate, issuer, name, password)};
    if (made_key.pkcs12.empty()) return cannot("no PKCS #12 for " + name);
    return made_key;
}

Result<Validity> Root::check(const WantedLeaf& wanted, std::string_view pem) const {
    auto pair = parse_pair(pem);
    if (!pair) return fail(std::move(pair.error()));
    if (X509_verify(pair->certificate.get(), impl_->key.get()) != 1) {
        ERR_clear_error();
        return fail(Errc::kInvalid, wanted.name, "another root signed it");
    }
    std::set<std::string> names{wanted.name};
    for (const IpAddress& address : wanted.addresses) names.insert(address.to_string());
    if (names_of(pair->certificate.get()) != names)
        return fail(Errc::kInvalid, wanted.name, "it is for other names");
    return validity_of(pair->certificate.get());
}

}  // namespace hearth::certs
