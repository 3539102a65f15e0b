#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/event_lines.h"
#include "cli/text_table.h"
#include "config/blockable_services.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// The program beside this one; the path of the link is that of a build tree or of the package.
std::vector<std::string> update_command(const Invocation& invocation) {
    std::error_code error;
    const auto here = fs::read_symlink("/proc/self/exe", error).parent_path();
    const fs::path installed = "/usr/sbin/hearth-lists";
    const bool is_beside = fs::exists(here / "hearth-lists", error);
    std::vector<std::string> command = {(is_beside ? here / "hearth-lists" : installed).string(),
                                        "--config",
                                        invocation.config(),
                                        "--run-dir",
                                        invocation.run_dir(),
                                        "--state-dir",
                                        invocation.option_or("--state-dir", "/var/lib/hearth")};
    if (invocation.arguments.empty()) {
        command.emplace_back("--force");
    } else {
        command.push_back(invocation.arguments[0]);
    }
    return command;
}

// What reads the texts of strangers is not root: on an installed system it has a user of its own,
// to whom the copies belong.
bool become_its_user(const std::string& run_dir) {
    const passwd* user = run_dir == "/run/hearth" ? getpwnam("hearth-lists") : nullptr;
    if (geteuid() != 0 || user == nullptr) return true;
    const group* readers = getgrnam("hearth");
    const gid_t gid = readers != nullptr ? readers->gr_gid : user->pw_gid;
    umask(027);
    return setgroups(0, nullptr) == 0 && setgid(gid) == 0 && setuid(user->pw_uid) == 0;
}

std::string count_text(const json::value& list, std::string_view key) {
    return std::to_string(number_of(list, key));
}

// "2026-11-20T23:15:55Z" in seconds since 1970; nullopt: none.
std::optional<std::int64_t> seconds_of(const std::string& text) {
    std::tm utc{};
    if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc) == nullptr) return std::nullopt;
    return timegm(&utc);
}

std::string age_of(const json::value& list, std::int64_t now) {
    const auto fetched = seconds_of(text_of(list, "fetched_at"));
    return fetched ? short_duration(std::max<std::int64_t>(now - *fetched, 0)) : "-";
}

// Lists in files are read with every run; those with a URL are asked for again.
std::string next_of(const json::value& list, std::int64_t now) {
    const auto checked = seconds_of(text_of(list, "checked_at"));
    if (!text_of(list, "source").starts_with("http")) return "each run";
    if (!checked || !text_of(list, "error").empty()) return "next run";
    const std::int64_t left = *checked + number_of(list, "refresh_s") - now;
    return left <= 0 ? "next run" : "in " + short_duration(left);
}

void print_examples(const json::value& list, std::string_view key, std::string_view title,
                    const Console& console) {
    const auto* examples = child_of(list, key).if_array();
    if (examples == nullptr || examples->empty()) return;
    console.out << title << ":\n";
    for (const json::value& example : *examples)
        console.out << "  line " << number_of(example, "line") << ": "
                    << printable(text_of(example, "text")) << "  (" << text_of(example, "reason")
                    << ")\n";
}

void print_list(const json::value& list, const Console& console) {
    const std::int64_t now = std::time(nullptr);
    console.out << text_of(list, "name") << ": " << text_of(list, "kind") << " list, "
                << text_of(list, "state") << "\n"
                << "source: " << printable(text_of(list, "source")) << "\n"
                << "rules: " << number_of(list, "entries") << " taken, "
                << number_of(list, "skipped") << " skipped, " << number_of(list, "invalid")
                << " invalid\n"
                << "age: " << age_of(list, now) << ", asked for again: " << next_of(list, now)
                << "\n";
    if (const auto error = text_of(list, "error"); !error.empty())
        console.out << "error: " << printable(error) << "\n";
    print_examples(list, "skipped_examples", "skipped", console);
    print_examples(list, "invalid_examples", "invalid", console);
}

void print_table(const json::array& lists, const Console& console) {
    const std::int64_t now = std::time(nullptr);
    TextTable table({"LIST", "KIND", "STATE", "RULES", "SKIPPED", "INVALID", "AGE", "NEXT"});
    for (const json::value& list : lists) {
        const std::string state = text_of(list, "state");
        table.add({{text_of(list, "name")},
                   {text_of(list, "kind")},
                   {state, state == "ok" ? Ink::kGood : Ink::kBad},
                   {count_text(list, "entries")},
                   {count_text(list, "skipped")},
                   {count_text(list, "invalid")},
                   {age_of(list, now)},
                   {next_of(list, now)}});
    }
    table.print(console);
}

}  // namespace

Exit run_lists_ls(const Invocation& invocation, Console& console) {
    const auto answer = Daemons(invocation.run_dir()).get("dns", "/lists");
    if (!answer) return complain_of("dns", answer.error(), console);
    const json::value& lists = child_of(*answer, "lists");
    const json::array all = lists.is_array() ? lists.get_array() : json::array();
    json::array shown;
    for (const json::value& list : all)
        if (invocation.arguments.empty() || text_of(list, "name") == invocation.arguments[0])
            shown.push_back(list);
    if (!invocation.arguments.empty() && shown.empty()) {
        console.complain("no list " + invocation.arguments[0] + " has been compiled",
                         "`hearth lists ls` shows them; new ones come with `hearth lists update`.");
        return Exit::kFinding;
    }
    const bool is_good = std::all_of(shown.begin(), shown.end(), [](const json::value& list) {
        return text_of(list, "state") == "ok";
    });
    if (invocation.json()) {
        console.out << json::serialize(shown) << "\n";
    } else if (!invocation.arguments.empty()) {
        print_list(shown[0], console);
    } else {
        print_table(shown, console);
    }
    return is_good ? Exit::kOk : Exit::kFinding;
}

Exit run_lists_services(const Invocation& invocation, Console& console) {
    json::array all;
    TextTable table({"SERVICE", "WHAT", "NAMES"});
    for (const auto& service : config::blockable_services()) {
        const std::string domains(service.domains);
        all.push_back({{"name", service.name}, {"title", service.title}, {"domains", domains}});
        const auto count = std::count(domains.begin(), domains.end(), ' ') + 1;
        const std::string first = domains.substr(0, domains.find(' '));
        table.add({{std::string(service.name)},
                   {std::string(service.title)},
                   {count == 1 ? first : first + " and " + std::to_string(count - 1) + " more"}});
    }
    if (invocation.json())
        console.out << json::serialize(all) << "\n";
    else
        table.print(console);
    return Exit::kOk;
}

Exit run_lists_update(const Invocation& invocation, Console& console) {
    const auto command = update_command(invocation);
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        if (!become_its_user(invocation.run_dir())) _exit(127);
        execvp(words[0], words.data());
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
    if (code == 127)
        console.complain(command[0] + " could not be started", "Is the package installed whole?");
    if (invocation.json()) console.out << "{\"ok\":" << (code == 0 ? "true" : "false") << "}\n";
    // hearth-lists has said what else it may be: no such list, a bad document, another one runs.
    if (code == 1 && !invocation.json())
        console.complain("some lists could not be brought up to date; older copies go on serving",
                         "`hearth status` says which, and why.");
    switch (code) {
        case 0: return Exit::kOk;
        case 2: return Exit::kUsage;
        case 3: return Exit::kInvalid;
        case 5: return Exit::kRefused;
        case 127: return Exit::kUnreachable;
        default: return Exit::kFinding;
    }
}

}  // namespace hearth::cli
