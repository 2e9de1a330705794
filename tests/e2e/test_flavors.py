"""The catalogue of flavors: files in and out, protofilters, and why one is dropped; whole or not at all, and there after a kill."""

import json

import pytest

FILE = """name,provider,region,cpu,ram,disk,tags,gpu,gpumem,cost,currency,eviction
d2-2,ovh,GRA11,1,2,25,,,,0.0099,EUR,0
b3-8,ovh,GRA11,2,8,50,,,,0.06,EUR,0
b3-8,ovh,UK1,2,8,50,,,,0.05,EUR,0
bm-l1,ovh,GRA11,32,128,960,M,,,0.9,EUR,0
t2-90,ovh,GRA11,30,90,800,NG,"V100, two",32,4,EUR,0
D16s,azure,swedencentral,16,64,30,,,,0.1,USD,5
D16s,azure,eastasia,16,64,30,,,,0.12,USD,10
E32s,azure,eastasia,32,256,30,,,,0.31,USD,
"""


@pytest.fixture
def catalogue(server, tmp_path):
    path = tmp_path / "catalogue.csv"
    path.write_text(FILE)
    told = server.run("flavor", "import", path)
    assert told.stdout == "8 new, 0 changed, 0 as they were, 0 removed\n"
    assert "of 1 the eviction is not known" in told.stderr, "a list without it is no surprise"
    server.file = path
    return server


def names(server, *words):
    return server.run("flavor", "list", *words, "-q").stdout.split()


def test_a_catalogue_is_asked(catalogue):
    server = catalogue
    assert names(server) == ["ovh:GRA11:d2-2", "ovh:UK1:b3-8", "ovh:GRA11:b3-8", "azure:swedencentral:D16s", "ovh:GRA11:t2-90"]
    assert names(server, "auto:cpu>=10") == names(server, "cpu>=10") == ["azure:swedencentral:D16s", "ovh:GRA11:t2-90"]
    assert names(server, "tags#M") == ["ovh:GRA11:bm-l1"]
    assert names(server, "--region", "UK1", "--provider", "auto") == ["ovh:UK1:b3-8"]
    assert names(server, "--name", "b3_8", "--limit", "1") == ["ovh:UK1:b3-8"]
    assert names(server, "--min-cpus", "16", "--min-ram", "60", "--min-disk", "20", "--max-eviction", "10") == [
        "azure:swedencentral:D16s", "azure:eastasia:D16s", "ovh:GRA11:t2-90"]
    table = server.run("flavor", "list", "gpumem>=16", "-o", "wide").stdout.splitlines()
    assert table[0].split()[:10] == ["NAME", "PROVIDER", "REGION", "CPUS", "RAM", "DISK", "TAGS", "GPU", "GPUMEM", "PRICE/H"], table
    assert table[1].split()[:4] == ["t2-90", "ovh", "GRA11", "30"] and "4 EUR" in table[1], table
    shown = json.loads(server.run("flavor", "show", "ovh:GRA11:t2-90", "-o", "json").stdout)
    assert (shown["schema"], shown["gpu"], shown["price"], shown["eviction_percent"]) == ("muster.flavor/1", "V100, two", 4, 0)
    assert json.loads(server.run("flavor", "show", "ovh:GRA11:t2-90", "--json").stdout) == shown
    pages = [row["id"] for row in server.get("/flavors", limit=2)["items"]]
    after = server.get("/flavors", limit=2)["next"]
    assert pages + [row["id"] for row in server.get("/flavors", limit=3, after=after)["items"]] == names(server)


def test_every_verdict_is_explained(catalogue):
    text = catalogue.run("flavor", "explain", "auto:cpu>=10", "--columns", "id,dropped").stdout
    verdicts = dict(line.split("\t") for line in text.splitlines()[1:])
    assert len(verdicts) == 8
    assert verdicts["azure:swedencentral:D16s"] == "kept"
    assert verdicts["ovh:GRA11:b3-8"] == "cpu>=10, it has 2"
    assert "tags!#M (as always" in verdicts["ovh:GRA11:bm-l1"]
    words = ("--provider", "ovh", "--region", "GRA11", "--min-cpus", "1", "--min-ram", "1", "--min-disk", "1", "--max-eviction", "50", "--limit", "2")
    assert catalogue.run("flavor", "explain", "cpu<10", *words, "--name", "%", "-q").stdout.split() == ["ovh:GRA11:d2-2", "ovh:GRA11:b3-8"]
    assert "kept" in catalogue.run("flavor", "explain", "cpu<10", "--no-header").stdout.splitlines()[0]
    assert catalogue.run("flavor", "explain", "cpu<10", "--quiet").stdout.split()[0] == "ovh:GRA11:d2-2"
    assert "eviction<=5" in verdicts["azure:eastasia:D16s"] and "not known" in verdicts["azure:eastasia:E32s"]


def test_out_and_in_again_is_the_same(catalogue, tmp_path):
    server = catalogue
    out = tmp_path / "out.csv"
    assert "8 flavors in" in server.run("flavor", "export", out).stdout
    assert server.run("flavor", "import", out).stdout == "0 new, 0 changed, 8 as they were, 0 removed\n"
    assert json.loads(server.run("flavor", "import", out, "--json").stdout)["unchanged"] == 8
    assert server.run("flavor", "import", out, "-q").stdout.strip() == str(out)
    assert server.run("flavor", "export").stdout == out.read_text()
    ovh = server.run("flavor", "export", "--provider", "ovh").stdout  # only its own
    assert len(ovh.splitlines()) == 6
    # What is not in the new file goes, of its providers alone; first only said.
    out.write_text("region\tname\tcpu\tram\tcost\nGRA11\td2-2\t1\t2\t0.02\n")
    tsv = out.rename(tmp_path / "new.tsv")
    words = ("flavor", "import", tsv, "--provider", "ovh", "--replace")
    assert server.run(*words, "--dry-run").stdout == "would be 0 new, 1 changed, 0 as they were, 4 removed\n"
    assert len(names(server, "eviction>=0:tags~%")) == 7
    assert json.loads(server.run(*words, "-o", "json").stdout)["removed"] == 4
    # Its eviction is not known any more.
    assert names(server, "--max-eviction", "100") == ["azure:swedencentral:D16s", "azure:eastasia:D16s"]
    assert server.run("flavor", "delete", "ovh:GRA11:d2-2", check=False).returncode == 6
    assert "would have" in server.run("flavor", "delete", "ovh:GRA11:d2-2", "--dry-run").stdout
    server.run("flavor", "delete", "ovh:GRA11:d2-2", "--yes")
    gone = server.run("flavor", "show", "ovh:GRA11:d2-2", check=False)
    assert gone.returncode == 3 and "[E202]" in gone.stderr
    kept = server.run("flavor", "export").stdout
    server.kill()
    server.start()
    assert server.run("flavor", "export").stdout == kept and len(kept.splitlines()) == 4


@pytest.mark.parametrize("change, said", [
    (lambda text: text.replace("0.9,EUR", "cheap,EUR"), "line 5: cost has to be"),
    (lambda text: text + "b3-8,ovh,UK1,2,8,50,,,,0.05,EUR,0\n", "line 10: ovh:UK1:b3-8 stands on line 4 already"),
    (lambda text: text.replace("b3-8,ovh,UK1,2,8,50,,,,0.05,EUR,0", "b3-8,ovh,UK1,2,8"), "line 4"),
    (lambda text: text.replace("cost,", "costs,"), "did you mean cost?"),
])
def test_a_file_that_is_wrong_changes_nothing(catalogue, change, said):
    before = catalogue.run("flavor", "export").stdout
    catalogue.file.write_text("".join(change(FILE)))
    refused = catalogue.run("flavor", "import", catalogue.file, check=False)
    assert refused.returncode == 2 and said in refused.stderr, refused.stderr
    assert catalogue.run("flavor", "export").stdout == before


def test_what_the_api_is_sent_is_checked_too(catalogue):
    good = {"provider": "lab", "region": "here", "name": "small", "cpus": 1, "ram_mb": 1024, "price": 0.5}
    for wrong, place in (([good, good], "items[1]"), ([good | {"price": -1}], "items[0]"), ([good | {"cpus": 0}], "items[0]"),
                         ([good | {"name": "a b"}], "items[0]"), ([good | {"surprise": 1}], "items[0]"), ("no list", "items")):
        answer = catalogue.request("PUT", "/flavors", {"items": wrong})
        assert answer.status == 400 and place in answer.json()["detail"], answer
    assert catalogue.request("PUT", "/flavors", {"items": [good]}).json()["added"] == 1
    refused = catalogue.request("GET", "/flavors", query={"filter": "cpu>=10:foo>3"})
    assert refused.code() == "E220" and "^^^" in refused.json()["detail"]
    typed = catalogue.run("flavor", "list", "cpu>=ten", check=False)
    assert typed.returncode == 2 and "[E220]" in typed.stderr and "       ^^^" in typed.stderr
    rows = [row["action"] for row in catalogue.get("/audit", limit=1000)["items"]]
    assert rows.count("flavor.import") == 2
