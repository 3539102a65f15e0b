// hearth-lists: fetches the document's blocklists, compiles them, and tells hearth-dns. Runs once,
// from a timer or on demand; hearth-dns serves the last image whether this runs, fails, or never
// ran.

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "config/diagnostic.h"
#include "config/load.h"
#include "dns/core/list_layout.h"
#include "dns/lists/command_line.h"
#include "dns/lists/progress.h"
#include "dns/lists/update.h"
#include "runtime/control_client.h"
#include "runtime/file_descriptor.h"
#include "runtime/log.h"
#include "runtime/sandbox.h"

namespace {

using namespace hearth;
using namespace hearth::dns;

enum Exit : int { kGood = 0, kDegraded = 1, kUsage = 2, kBadDocument = 3, kRefused = 5 };

int complain(const Error& error, int status) {
    std::fprintf(stderr, "%s\n", error.to_string().c_str());
    return status;
}

// What a run that was killed had begun to write. Only under the lock.
void sweep_unfinished(const ListLayout& layout) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(layout.directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with('.') && name.ends_with(".new"))
            std::filesystem::remove(entry.path(), error);
    }
}

// The lock lasts as long as its descriptor.
Result<runtime::FileDescriptor> lock_lists(const ListLayout& layout) {
    std::error_code error;
    std::filesystem::create_directories(layout.directory, error);
    if (error) return fail(Errc::kSystem, layout.directory.string(), error.message());
    runtime::FileDescriptor lock(
        ::open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!lock) return fail(Error::from_errno(layout.lock().string(), errno));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
        sweep_unfinished(layout);
        return lock;
    }
    if (errno != EWOULDBLOCK) return fail(Error::from_errno(layout.lock().string(), errno));
    return fail(Errc::kConflict, layout.lock().string(),
                "another hearth-lists is running; wait until it has ended");
}

UpdateScope scope_of(const ListsOptions& options) {
    if (!options.names.empty())
        return {UpdateScope::Kind::kNamed, {options.names.begin(), options.names.end()}};
    return {options.force ? UpdateScope::Kind::kAll : UpdateScope::Kind::kDue, {}};
}

void log_list(const ListReport& list) {
    if (list.error.empty())
        log::info("list_checked", {{"list", list.name}, {"source", list.source}});
    else
        log::warn("list_failed", {{"list", list.name},
                                  {"source", list.source},
                                  {"state", to_string(list.state)},
                                  {"error", list.error}});
}

void log_run(const RunReport& report) {
    for (const ListReport& list : report.lists)
        log::info("list_compiled", {{"list", list.name},
                                    {"state", to_string(list.state)},
                                    {"entries", list.counts.taken},
                                    {"skipped", list.counts.skipped},
                                    {"invalid", list.counts.invalid}});
    if (report.error.empty())
        log::info("image_ready", {{"names", report.names}, {"bytes", report.image_bytes}});
    else
        log::error("image_failed", {{"error", report.error}});
}

// hearth-dns reads the image again. The report goes along because a full disk may have kept it
// from the state directory. Nobody there is no fault: it will read the image when it starts.
void tell_dns(const std::filesystem::path& run_dir, const RunReport& report) {
    const auto answer = runtime::control_request(
        run_dir / "dns.sock", runtime::ControlMethod::kPost, "/lists/reload", to_json(report));
    if (!answer)
        log::info("dns_not_told", {{"reason", answer.error().to_string()}});
    else if (answer->status != 200)
        log::warn("dns_refused_lists", {{"status", answer->status}, {"answer", answer->body}});
}

int update(const ListsOptions& options, const config::Document& document) {
    for (const std::string& name : options.names) {
        const auto& lists = document.blocking.lists;
        if (std::none_of(lists.begin(), lists.end(), [&](const auto& l) { return l.name == name; }))
            return complain({Errc::kNotFound, name, "the document has no list of this name"},
                            kUsage);
    }
    const ListLayout layout(options.state_dir);
    RunReport report;
    if (const auto lock = lock_lists(layout)) {
        FetchLimits limits;
        limits.stalled = options.timeout;
        limits.connect = options.timeout;
        const WallTime now =
            std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        Progress progress;
        const auto list_done = [&](const ListReport& list) {
            progress.clear();
            log_list(list);
        };
        const auto received = [&](const std::string& list, std::uint64_t bytes,
                                  std::uint64_t expected) { progress.show(list, bytes, expected); };
        const auto compiling = [&] { progress.show_step("compiling"); };
        report = ListUpdate(document.blocking, layout, scope_of(options), limits, now)
                     .run({list_done, received, compiling});
        progress.clear();
    } else if (lock.error().code == Errc::kConflict) {
        return complain(lock.error(), kRefused);
    } else {
        report.error = lock.error().to_string();
    }
    log_run(report);
    tell_dns(options.run_dir, report);
    return report.good() ? kGood : kDegraded;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse_command_line(argc, argv);
    if (!options) return complain(options.error(), kUsage);
    if (options->mode == ListsMode::kHelp) {
        std::fwrite(kListsUsage.data(), 1, kListsUsage.size(), stdout);
        return kGood;
    }
    if (options->mode == ListsMode::kVersion) {
        std::puts("hearth-lists " HEARTH_VERSION);
        return kGood;
    }
    const config::Loaded loaded = config::load(options->config.string());
    if (!loaded) {
        std::fputs(config::render(loaded.findings).c_str(), stderr);
        return kBadDocument;
    }
    // From here on it reads what strangers wrote: no capability, no exec, whoever started it.
    if (const auto entered = runtime::enter_sandbox({}); !entered) {
        return complain(entered.error(), kDegraded);
    }
    log::open(options->log);
    const int status = update(*options, *loaded.document);
    log::close();
    return status;
}
