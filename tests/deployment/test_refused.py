"""A station that was given another's certificate: it says so, and keeps its ledger."""

from tests.support.running_agent import World, running


def test_an_agent_with_another_stations_certificate_shows_that_the_broker_refuses_it(
    authority, broker, tmp_path
):
    settings = authority.settings("s2", broker.port)
    world = World(tmp_path)
    world.write(
        more=f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\nca_file = "{settings.ca_file}"\n'
        f'certificate_file = "{settings.certificate_file}"\nkey_file = "{settings.key_file}"\n'
    )
    with running(world) as agent:
        shown = agent.wait(lambda snapshot: snapshot.trouble_en)
    assert shown.trouble_en == "The broker refuses us: publish: Not authorized"
    assert (shown.index_connected, shown.index_has) == (False, 0)
    assert shown.ledger_size > 0
