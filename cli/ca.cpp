#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <system_error>

#include "cli/commands.h"
#include "cli/daemons.h"

namespace hearth::cli {
namespace {

namespace json = boost::json;

std::string date_of(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[16];
    return {text, std::strftime(text, sizeof(text), "%Y-%m-%d", &parts)};
}

std::string joined(const json::value& list) {
    std::string text;
    if (const auto* items = list.if_array()) {
        for (const json::value& one : *items) {
            if (!text.empty()) text += ", ";
            if (const auto* word = one.if_string()) text += std::string_view(*word);
        }
    }
    return text.empty() ? "any" : text;
}

void print_root(const json::value& root, const Console& console) {
    console.out << "root       " << printable(text_of(root, "subject")) << "\nends       "
                << date_of(number_of(root, "not_after")) << "\nnames      "
                << joined(child_of(root, "domains")) << "\naddresses  "
                << joined(child_of(root, "networks")) << "\nSHA-256    "
                << text_of(root, "fingerprint") << "\n";
}

Exit answer(const Invocation& invocation, const json::value& root, Console& console) {
    if (invocation.json()) {
        console.out << json::serialize(root) << "\n";
    } else {
        print_root(root, console);
    }
    return Exit::kOk;
}

Exit complain(const Error& error, const Console& console) {
    if (error.code == Errc::kConflict) {
        console.complain(error.detail,
                         "--replace takes its place; then every device must install the new one.");
        return Exit::kFinding;
    }
    if (error.code == Errc::kInvalid) {
        console.complain(error.detail);
        return Exit::kFinding;
    }
    return complain_of("certs", error, console);
}

std::string query_of(const Invocation& invocation) {
    return invocation.has("--replace") ? "?replace=1" : "";
}

// 0, or the error number.
int write_new_file(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    const bool is_written =
        write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
    const int error = is_written ? 0 : errno;
    close(fd);
    if (error != 0) unlink(path.c_str());
    return error;
}

Exit complain_of_file(const std::string& path, int error, const Console& console) {
    console.complain(path + ": " + std::generic_category().message(error),
                     error == EEXIST ? "Name another file, or remove that one first." : "");
    return error == EACCES || error == EPERM ? Exit::kRefused : Exit::kFinding;
}

// Easy to type on a telephone: 20 characters that nobody mixes up, 99 bits.
std::string new_password() {
    static constexpr std::string_view kLetters = "abcdefghjkmnpqrstuvwxyz23456789";
    std::string text;
    while (text.size() < 23) {
        unsigned char octet = 0;
        if (getrandom(&octet, 1, 0) != 1 || octet / kLetters.size() >= 256 / kLetters.size())
            continue;
        if (text.size() % 6 == 5) text += '-';
        text += kLetters[octet % kLetters.size()];
    }
    return text;
}

std::string octets_of(std::string_view hex) {
    std::string octets;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        unsigned value = 0;
        std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
        octets += static_cast<char>(value);
    }
    return octets;
}

}  // namespace

Exit run_ca_show(const Invocation& invocation, Console& console) {
    const auto root = Daemons(invocation.run_dir()).get("certs", "/ca");
    if (!root) return complain(root.error(), console);
    if (text_of(*root, "state") == "ok") return answer(invocation, *root, console);
    if (invocation.json()) console.out << json::serialize(*root) << "\n";
    console.complain("there is no root",
                     "Make one with `hearth ca init`, or bring one with `hearth ca import FILE`.");
    return Exit::kFinding;
}

Exit run_ca_init(const Invocation& invocation, Console& console) {
    const auto root =
        Daemons(invocation.run_dir()).post("certs", "/ca/init" + query_of(invocation));
    if (!root) return complain(root.error(), console);
    return answer(invocation, *root, console);
}

Exit run_ca_export(const Invocation& invocation, Console& console) {
    const Daemons daemons(invocation.run_dir());
    const bool is_public = invocation.has("--certificate");
    const auto root = daemons.get("certs", is_public ? "/ca" : "/ca/export");
    if (!root) return complain(root.error(), console);
    const std::string text =
        text_of(*root, "certificate") + (is_public ? std::string() : text_of(*root, "key"));
    if (text.empty()) {
        console.complain("there is no root", "Make one with `hearth ca init`.");
        return Exit::kFinding;
    }
    const std::string& path = invocation.arguments[0];
    if (const int error = write_new_file(path, text); error != 0)
        return complain_of_file(path, error, console);
    if (invocation.json()) {
        console.out << json::serialize(json::object{{"path", path}, {"has_key", !is_public}})
                    << "\n";
    } else {
        console.out << path << " made.\n";
        if (!is_public)
            console.out << "It has the key: bring it to the other nodes for `hearth ca import`, "
                           "keep a copy in a safe place, and remove it here.\n";
    }
    return Exit::kOk;
}

Exit run_ca_client(const Invocation& invocation, Console& console) {
    const std::string& name = invocation.arguments[0];
    const std::string& path = invocation.arguments[1];
    const std::string password = new_password();
    const auto made = Daemons(invocation.run_dir())
                          .post("certs",
                                "/ca/client?name=" + url_encode(name) +
                                    "&days=" + url_encode(invocation.option_or("--days", "365")),
                                password);
    if (!made) return complain(made.error(), console);
    const bool is_pem = path.ends_with(".pem");
    const std::string text =
        is_pem ? std::string(text_of(*made, "pem")) : octets_of(text_of(*made, "pkcs12"));
    if (const int error = write_new_file(path, text); error != 0)
        return complain_of_file(path, error, console);
    const std::string ends = date_of(number_of(*made, "not_after"));
    if (invocation.json()) {
        json::object told{{"path", path}, {"name", name}, {"ends", ends}};
        if (!is_pem) told["password"] = password;
        console.out << json::serialize(told) << "\n";
        return Exit::kOk;
    }
    console.out << path << " made, for " << name << ", good until " << ends << ".\n";
    if (!is_pem)
        console.out << "password   " << password
                    << "\nInstall it on the device of that name, and remove it here.\n";
    return Exit::kOk;
}

Exit run_ca_import(const Invocation& invocation, Console& console) {
    std::string pem;
    for (const std::string& path : invocation.arguments) {
        std::ifstream file(path, std::ios::binary);
        if (!file) return complain_of_file(path, errno, console);
        pem.append(std::istreambuf_iterator<char>(file), {});
        pem += '\n';
    }
    const auto root =
        Daemons(invocation.run_dir()).post("certs", "/ca/import" + query_of(invocation), pem);
    if (!root) return complain(root.error(), console);
    return answer(invocation, *root, console);
}

}  // namespace hearth::cli
