"""The words of the machine's own page, in both languages."""

from __future__ import annotations

LANGUAGES = ["pt-BR", "pt", "en"]

ENGLISH = {
    "state": "State",
    "stopped": "Stopped",
    "running": "Running",
    "error": "Error",
    "mode": "Mode",
    "orchestrator": "Orchestrator",
    "connected": "connected",
    "disconnected": "not connected",
    "connecting": "connecting",
    "last": "Last verdict",
    "none_yet": "No inspection yet",
    "verdict_ok": "OK",
    "verdict_nok": "NOK",
    "verdict_undecided": "Undecided",
    "verdict_error": "Error",
    "inspected": "Inspected",
    "missed": "Missed / refused",
    "next": "Next by timetable",
    "warnings": "Warnings",
    "recipe": "Recipe",
    "no_recipe": "none",
    "version": "Version asked / running",
}
PORTUGUESE = {
    "state": "Estado",
    "stopped": "Parada",
    "running": "Em execução",
    "error": "Erro",
    "mode": "Modo",
    "orchestrator": "Orquestrador",
    "connected": "conectado",
    "disconnected": "não conectado",
    "connecting": "conectando",
    "last": "Último veredito",
    "none_yet": "Nenhuma inspeção ainda",
    "verdict_ok": "Aprovada",
    "verdict_nok": "Reprovada",
    "verdict_undecided": "Indefinida",
    "verdict_error": "Erro",
    "inspected": "Inspecionadas",
    "missed": "Perdidas / recusadas",
    "next": "Próximas pelo horário",
    "warnings": "Avisos",
    "recipe": "Receita",
    "no_recipe": "nenhuma",
    "version": "Versão pedida / em execução",
}


def words_in(language: str) -> dict[str, str]:
    """Return the page's words in a language; Portuguese unless it is English."""
    return ENGLISH if language == "en" else PORTUGUESE
