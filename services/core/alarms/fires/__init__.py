"""The fires of one site, judged together: confidence, incident, spokesman. Pure."""
