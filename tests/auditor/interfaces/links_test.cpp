// Real links in a namespace of the test's own.
#include "auditor/interfaces/links.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/auditor/interfaces/own_namespace.h"

namespace airtight::audit {
namespace {

std::string_view kind_text(LinkEvent::Kind kind) {
  switch (kind) {
    case LinkEvent::Kind::Born:
      return "born";
    case LinkEvent::Kind::Gone:
      return "gone";
    case LinkEvent::Kind::Renamed:
      return "renamed";
    case LinkEvent::Kind::Changed:
      return "changed";
    case LinkEvent::Kind::Lost:
      return "lost";
  }
  return "?";
}

// "born a, changed a": what happened, several events of one kind and device in a row told once.
std::string story(LinkWatcher& watcher) {
  std::vector<LinkEvent> events;
  REQUIRE_FALSE(watcher.poll(events));
  std::string text, last;
  for (const LinkEvent& event : events) {
    std::string one = std::string(kind_text(event.kind)) + (event.link.name.empty() ? "" : " " + event.link.name) +
                      (event.old_name.empty() ? "" : " from " + event.old_name);
    if (one == last) continue;
    text += (text.empty() ? "" : ", ") + one;
    last = std::move(one);
  }
  return text;
}

const Link* named(const LinkWatcher& watcher, std::string_view name) {
  for (const auto& [index, link] : watcher.links())
    if (link.name == name) return &link;
  return nullptr;
}

// The kernel tells some things when it gets to them (carriers, IPv6 addresses): waits for that, not for a time.
template <typename Condition>
bool told(LinkWatcher& watcher, const Condition& condition) {
  while (!condition()) {
    pollfd ready{watcher.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 10000) != 1) return false;
    std::vector<LinkEvent> events;
    if (watcher.poll(events)) return false;
  }
  return true;
}

TEST_CASE("links: born, up, addressed, renamed, gone") {
  OWN_NAMESPACE_OR_SKIP("links");
  LinkWatcher watcher;
  REQUIRE(named(watcher, "lo") != nullptr);
  CHECK(named(watcher, "lo")->loopback);
  CHECK_FALSE(named(watcher, "lo")->up);
  CHECK(story(watcher).empty());

  REQUIRE(run("ip link add veth1 type veth peer name veth2"));
  CHECK(story(watcher).starts_with("born veth"));
  REQUIRE(named(watcher, "veth1") != nullptr);
  REQUIRE(named(watcher, "veth2") != nullptr);
  CHECK(named(watcher, "veth1")->kind == "veth");
  CHECK(named(watcher, "veth1")->parent == named(watcher, "veth2")->index);
  CHECK_FALSE(named(watcher, "veth1")->parent_elsewhere);

  // Addresses that the kernel makes by itself come when it likes.
  REQUIRE(
      run("ip link set veth1 addrgenmode none && ip link set veth2 addrgenmode none && "
          "ip link set veth1 up && ip link set veth2 up"));
  CHECK(story(watcher).find("gone") == std::string::npos);
  CHECK(named(watcher, "veth1")->up);
  const auto running = [&] { return named(watcher, "veth1")->running && named(watcher, "veth2")->running; };
  CHECK(told(watcher, running));

  REQUIRE(run("ip addr add 192.0.2.1/24 dev veth1 && ip addr add 192.0.2.1/25 dev veth1"));
  CHECK(story(watcher) == "changed veth1");
  const auto has = [&](const char* ip) {
    const auto& all = named(watcher, "veth1")->addresses;
    return std::count(all.begin(), all.end(), *Ip::parse(ip));
  };
  REQUIRE(run("ip addr add 2001:db8::1/64 dev veth1 nodad"));
  CHECK(told(watcher, [&] { return has("2001:db8::1") == 1; }));
  CHECK(std::is_sorted(named(watcher, "veth1")->addresses.begin(), named(watcher, "veth1")->addresses.end()));
  CHECK(has("192.0.2.1") == 1);
  // The same address with another mask is still there.
  REQUIRE(run("ip addr del 192.0.2.1/24 dev veth1"));
  CHECK(story(watcher).empty());
  CHECK(has("192.0.2.1") == 1);
  REQUIRE(run("ip addr del 192.0.2.1/25 dev veth1"));
  CHECK(story(watcher) == "changed veth1");
  CHECK(has("192.0.2.1") == 0);
  // A new watcher sees what this one has learnt.
  CHECK(told(watcher, [&] { return watcher.links() == LinkWatcher().links(); }));

  REQUIRE(run("ip link set veth1 name uplink9"));
  CHECK(story(watcher).find("renamed uplink9 from veth1") != std::string::npos);
  CHECK(named(watcher, "veth1") == nullptr);

  REQUIRE(run("ip link del uplink9"));
  const std::string end = story(watcher);
  CHECK(end.find("gone uplink9") != std::string::npos);
  CHECK(end.find("gone veth2") != std::string::npos);
  CHECK(watcher.links().size() == LinkWatcher().links().size());
}

TEST_CASE("links: a port that leaves its bridge is not gone") {
  OWN_NAMESPACE_OR_SKIP("links bridge");
  if (!run("ip link add br0 type bridge && ip link add veth1 type veth peer name veth2")) return;
  LinkWatcher watcher;
  REQUIRE(run("ip link set br0 up && ip link set veth1 up && ip link set veth1 master br0"));
  CHECK(story(watcher).find("gone") == std::string::npos);
  REQUIRE(named(watcher, "veth1")->master == named(watcher, "br0")->index);
  REQUIRE(run("ip link set veth1 nomaster"));
  CHECK(story(watcher).find("gone") == std::string::npos);
  REQUIRE(named(watcher, "veth1") != nullptr);
  CHECK(named(watcher, "veth1")->master == 0);
}

TEST_CASE("links: moved to another namespace is gone, and its other end's parent is elsewhere") {
  OWN_NAMESPACE_OR_SKIP("links moved");
  REQUIRE(run("ip link add veth1 type veth peer name veth2"));
  LinkWatcher watcher;
  // Another process's, which says when it is in it, and ends with our side of the pipe.
  int ready[2], wait[2];
  REQUIRE((::pipe2(ready, O_CLOEXEC) == 0 && ::pipe2(wait, O_CLOEXEC) == 0));
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(wait[1]);
    char byte = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) == 1) (void)!::read(wait[0], &byte, 1);
    ::_exit(0);
  }
  REQUIRE(child > 0);
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(run("ip link set veth2 netns " + std::to_string(child)));
  const std::string what = story(watcher);
  CHECK(what.find("gone veth2") != std::string::npos);
  CHECK(named(watcher, "veth2") == nullptr);
  REQUIRE(named(watcher, "veth1") != nullptr);
  CHECK(LinkWatcher().links().at(named(watcher, "veth1")->index).parent_elsewhere);
  for (const int fd : {ready[0], ready[1], wait[0], wait[1]}) ::close(fd);
  CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("links: events that the kernel dropped are told, and what differs is found") {
  OWN_NAMESPACE_OR_SKIP("links lost");
  REQUIRE(run("ip link add old1 type veth peer name old2 && ip link add was1 type veth peer name was2"));
  LinkWatcher watcher;
  const int tiny = 1;
  REQUIRE(::setsockopt(watcher.fd(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny) == 0);
  REQUIRE(
      run("ip link set was1 name is1 && ip link del old1 && for i in 1 2 3 4 5 6 7 8; do "
          "ip link add a$i type veth peer name b$i; ip link set a$i addrgenmode none; ip link set b$i addrgenmode "
          "none; ip link set a$i up; ip addr add 192.0.2.$i/32 dev a$i; done"));
  std::vector<LinkEvent> events;
  REQUIRE_FALSE(watcher.poll(events));
  const auto count = [&](LinkEvent::Kind kind, std::string_view name) {
    return std::count_if(events.begin(), events.end(),
                         [&](const LinkEvent& event) { return event.kind == kind && event.link.name == name; });
  };
  CHECK(count(LinkEvent::Kind::Lost, "") == 1);
  CHECK(count(LinkEvent::Kind::Gone, "old1") == 1);
  CHECK(count(LinkEvent::Kind::Gone, "old2") == 1);
  CHECK(count(LinkEvent::Kind::Renamed, "is1") == 1);
  CHECK(count(LinkEvent::Kind::Born, "a8") == 1);
  CHECK(told(watcher, [&] { return watcher.links() == LinkWatcher().links(); }));
  REQUIRE(named(watcher, "a8") != nullptr);
  CHECK(named(watcher, "a8")->addresses == std::vector<Ip>{*Ip::parse("192.0.2.8")});
}

}  // namespace
}  // namespace airtight::audit
