"""The reviewer's page: a worklist, and a case read blind first, then beside the AI.

Streamlit, on this computer only. The pages read the store and the photographs; they import
neither torch nor the models. A reviewer gives a name and no password: whoever can reach the page
can give any name, so it must stay on 127.0.0.1.
"""
