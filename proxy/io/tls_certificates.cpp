// Certificates, keys and the home's root from PEM files.

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>

#include "proxy/core/octets.h"
#include "proxy/io/certificate_store.h"
#include "proxy/io/tls_key_pair.h"

namespace hearth::proxy {

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

std::string issuer_of(const X509* certificate) {
    const X509_NAME* const name = X509_get_issuer_name(certificate);
    std::array<char, 256> text{};
    if (X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size()) <= 0)
        X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
    return text.data();
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
    one.issuer = issuer_of(pair->certificate);
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

}  // namespace hearth::proxy
