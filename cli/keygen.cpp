#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "cli/commands.h"
#include "config/json_text.h"
#include "config/load.h"

namespace hearth::cli {
namespace {

std::string new_key() {
    static constexpr char kHex[] = "0123456789abcdef";
    std::array<std::uint8_t, 32> octets{};
    if (getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size()))
        return {};
    std::string text;
    for (const auto octet : octets) text += {kHex[octet >> 4], kHex[octet & 15]};
    return text + "\n";
}

// The daemon that reads the key, where the package made its user.
constexpr const char* kReader = "hearth-lb";

bool give_to_reader(int fd) {
    const passwd* reader = geteuid() == 0 ? getpwnam(kReader) : nullptr;
    return reader == nullptr || fchown(fd, reader->pw_uid, reader->pw_gid) == 0;
}

// 0, or the error number. The file is never half written under its name: 65 octets go in one write.
int write_new_file(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    const bool is_written =
        write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        give_to_reader(fd) && fsync(fd) == 0;
    const int error = is_written ? 0 : errno;
    close(fd);
    if (error != 0) unlink(path.c_str());
    return error;
}

}  // namespace

Exit run_peer_keygen(const Invocation& invocation, Console& console) {
    std::string path = config::Peers{}.key_file;
    if (!invocation.arguments.empty()) {
        path = invocation.arguments[0];
    } else if (const auto loaded = config::load(invocation.config())) {
        path = loaded.document->peers.key_file;
    }
    const std::string key = new_key();
    const int error = key.empty() ? EIO : write_new_file(path, key);
    if (error == EEXIST) {
        console.complain(path + " is there already",
                         "A new key takes the nodes apart until each has it; remove the old file "
                         "first if you mean it.");
        return Exit::kFinding;
    }
    if (error != 0) {
        console.complain(path + ": " + std::generic_category().message(error),
                         error == EACCES ? "Run it as root: sudo hearth peer keygen" : "");
        return error == EACCES ? Exit::kRefused : Exit::kFinding;
    }
    if (invocation.json()) {
        console.out << "{\"path\":" << config::json_quote(path) << "}\n";
        return Exit::kOk;
    }
    console.out << path
                << " made.\nCopy it to the same place on every node, readable by hearth-lb and "
                   "nobody else, then `hearth reload` there.\n";
    return Exit::kOk;
}

}  // namespace hearth::cli
