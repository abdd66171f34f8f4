"""The composition root: what the service is made of, and what it answers."""

import os

from services.strategy.handlers import AccountHandlers, StrategyHandlers
from services.strategy.passwords import Passwords, argon2id
from services.strategy.settings import StrategySettings
from services.strategy.spec_validator import BusSpecValidator
from services.strategy.tokens import AccessTokens
from shared.contracts import messages
from shared.runtime.objects import Objects
from shared.runtime.service import Service


def compose(settings: StrategySettings) -> Service:
    """Return the service, wired. Raises SettingsError for an object store that cannot be."""
    service = Service("strategy", settings, objects=Objects(settings.objects_url()))
    database = service.database(settings, relay=True)
    passwords = Passwords(argon2id(), at_once=os.cpu_count() or 1)
    accounts = AccountHandlers(database, service.clock, passwords, AccessTokens(settings.secret_key))
    strategies = StrategyHandlers(database, service.clock, BusSpecValidator(service.caller()))

    requests = service.requests()
    requests.handle(messages.RegisterUser, accounts.register)
    requests.handle(messages.LogIn, accounts.log_in)
    requests.handle(messages.RefreshTokens, accounts.refresh)
    requests.handle(messages.CreateStrategy, strategies.create)
    requests.handle(messages.ReadStrategy, strategies.read)
    requests.handle(messages.ListStrategies, strategies.list_all)
    requests.handle(messages.PatchStrategy, strategies.patch)
    requests.handle(messages.DeleteStrategy, strategies.delete)
    return service
